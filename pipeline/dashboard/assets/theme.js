// Takes up the theme that was chosen on an earlier visit, before anything is painted. Loaded in the head, not deferred.
(function () {
  "use strict";
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Some browsers give no storage to files, or to anybody: then the theme is the system's on each visit.
  }
})();
