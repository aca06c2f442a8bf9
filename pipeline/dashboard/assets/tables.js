// Tables that are sorted by the buttons in their heads, and filtered by the fields of a form. What is chosen is kept in
// the address behind the `#`, so that a filtered table can be sent to somebody. All rows are in the page from the
// beginning: it can be read, searched and printed without this script.
(function () {
  "use strict";
  const collator = new Intl.Collator("en", { numeric: true });
  const NUMBER = /^-?\d+(\.\d+)?$/;
  // As many rows in each `tbody` as the template of the queue has: the browser leaves out whole groups beyond its window.
  const GROUP = 50;

  // Each row's sort keys and its text for the filter are read once; to read them for each key that is pressed is slow.
  function readRows(table) {
    const rows = Array.from(table.tBodies, (body) => Array.from(body.rows)).flat();
    return rows.map((row, place) => ({
      row,
      place,
      fits: true,
      keys: Array.from(row.cells, (cell) => cell.dataset.key ?? cell.textContent.trim()),
      text: row.textContent.toLowerCase(),
    }));
  }

  // What is not known comes last, whichever way is sorted; equal rows stay in the order of the page.
  function comparison(column, direction) {
    return (one, other) => {
      const [first, second] = [one.keys[column], other.keys[column]];
      if (first === second) return one.place - other.place;
      if (first === "" || second === "") return first === "" ? 1 : -1;
      const numbers = NUMBER.test(first) && NUMBER.test(second);
      return direction * (numbers ? first - second : collator.compare(first, second)) || one.place - other.place;
    };
  }

  class Listing {
    constructor(table) {
      this.table = table;
      this.rows = readRows(table);
      // What the filter leaves out, at the end of the table.
      this.rest = table.createTBody();
      this.rest.hidden = true;
      this.heads = Array.from(table.tHead.rows[0].cells);
      this.form = document.querySelector(`form[data-table="${table.id}"]`);
      this.sorted = { name: "", direction: 1 };
      for (const head of this.heads) {
        const button = head.querySelector("button");
        if (button) button.addEventListener("click", () => this.choose(head.dataset.name));
      }
      if (this.form) {
        this.form.addEventListener("submit", (event) => event.preventDefault());
        this.form.addEventListener("input", () => this.changed());
        this.form.addEventListener("reset", () => setTimeout(() => this.changed()));
        addEventListener("hashchange", () => this.restore());
      }
      this.restore();
    }

    // A column is sorted upwards, downwards, and then not at all.
    choose(name) {
      if (this.sorted.name !== name) this.sorted = { name, direction: 1 };
      else if (this.sorted.direction === 1) this.sorted.direction = -1;
      else this.sorted = { name: "", direction: 1 };
      this.arrange();
      this.keep();
    }

    // Gives each row its place. Only groups in sight are laid out, the others are as high as so many rows would be.
    arrange() {
      const [fitting, others] = [[], []];
      for (const each of this.ordered()) (each.fits ? fitting : others).push(each.row);
      const bodies = Array.from(this.table.tBodies).slice(0, -1);
      while (bodies.length * GROUP < fitting.length) {
        bodies.push(bodies[0].cloneNode(false));
        this.rest.before(bodies.at(-1));
      }
      for (const [place, body] of bodies.entries()) {
        const group = fitting.slice(place * GROUP, (place + 1) * GROUP);
        body.replaceChildren(...group);
        body.hidden = group.length === 0;
        body.style.setProperty("--rows", group.length);
      }
      this.rest.replaceChildren(...others);
    }

    ordered() {
      const { name, direction } = this.sorted;
      const column = this.heads.findIndex((head) => head.dataset.name === name);
      for (const [place, head] of this.heads.entries()) {
        if (place === column) head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
      }
      return column < 0 ? this.rows : this.rows.toSorted(comparison(column, direction));
    }

    fields() {
      return this.form ? Array.from(this.form.elements).filter((field) => field.name) : [];
    }

    changed() {
      this.filter();
      this.arrange();
      this.keep();
    }

    filter() {
      const words = [];
      const columns = [];
      for (const field of this.fields()) {
        if (!field.value) continue;
        if (field.type === "search") words.push(...field.value.toLowerCase().split(/\s+/).filter(Boolean));
        else columns.push([this.heads.findIndex((head) => head.dataset.name === field.name), field.value]);
      }
      let shown = 0;
      for (const each of this.rows) {
        each.fits =
          columns.every(([column, value]) => each.keys[column] === value) && words.every((word) => each.text.includes(word));
        shown += each.fits;
      }
      if (!this.form) return;
      const [count, all] = [shown, this.rows.length].map((number) => number.toLocaleString("en"));
      this.form.querySelector("output").textContent = shown === this.rows.length ? `all ${all}` : `${count} of ${all}`;
    }

    keep() {
      if (!this.form) return;
      const chosen = new URLSearchParams();
      for (const field of this.fields()) if (field.value) chosen.set(field.name, field.value);
      if (this.sorted.name) {
        chosen.set("sort", this.sorted.name);
        if (this.sorted.direction === -1) chosen.set("direction", "descending");
      }
      history.replaceState(null, "", `#${chosen}`);
    }

    restore() {
      if (!this.form) return;
      const chosen = new URLSearchParams(location.hash.slice(1));
      for (const field of this.fields()) {
        const value = chosen.get(field.name) ?? "";
        const known = field.type === "search" || Array.from(field.options, (option) => option.value).includes(value);
        field.value = known ? value : "";
      }
      const direction = chosen.get("direction") === "descending" ? -1 : 1;
      this.sorted = { name: chosen.get("sort") ?? "", direction };
      this.filter();
      this.arrange();
    }
  }

  for (const table of document.querySelectorAll("table.listing")) new Listing(table);
})();
