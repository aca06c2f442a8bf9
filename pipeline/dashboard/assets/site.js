// What each page does: the choice of the theme, commands that can be copied, and tables that can be scrolled by keys.
(function () {
  "use strict";
  const root = document.documentElement;

  function isDark() {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function chooseTheme(button) {
    const theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // Without storage the choice holds for this page.
    }
    nameTheme(button);
  }

  function nameTheme(button) {
    button.textContent = isDark() ? "Light theme" : "Dark theme";
  }

  // The clipboard's own interface exists only on https and localhost, so a page that is a file selects and copies.
  async function copy(text) {
    if (navigator.clipboard) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch {
        // Not allowed: try the old way.
      }
    }
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "sr";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }

  function addCopyButton(code, said) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy the command ${code.textContent}`);
    button.addEventListener("click", async () => {
      const done = await copy(code.textContent);
      button.focus();
      button.textContent = done ? "Copied" : "Not copied";
      said.textContent = done ? "Copied" : "The browser does not allow to copy; select the command instead";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    code.after(button);
  }

  // A region that has nothing to scroll need not be stopped at by the Tab key.
  function watchRegion(region) {
    new ResizeObserver(() => {
      const scrolls = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
      if (scrolls) region.tabIndex = 0; else region.removeAttribute("tabindex");
    }).observe(region);
  }

  const toggle = document.querySelector(".theme");
  nameTheme(toggle);
  toggle.hidden = false;
  toggle.addEventListener("click", () => chooseTheme(toggle));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => nameTheme(toggle));
  const said = document.querySelector("#said");
  for (const code of document.querySelectorAll("code.command")) addCopyButton(code, said);
  for (const region of document.querySelectorAll(".scroll")) watchRegion(region);
})();
