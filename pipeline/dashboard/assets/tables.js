// Tables that are sorted by the buttons in their heads, and filtered by the fields of a form. What is chosen is kept in
// the address behind the `#`, so that a filtered table can be sent to somebody. All rows are in the page from the
// beginning: it can be read, searched and printed without this script.
(function () {
  "use strict";
  const collator = new Intl.Collator("en", { numeric: true });
  const NUMBER = /^-?\d+(\.\d+)?$/;

  // Each row's sort keys and its text for the filter are read once; to read them for each key that is pressed is slow.
  function readRows(table) {
    return Array.from(table.querySelectorAll("tbody > tr"), (row, place) => ({
      row,
      place,
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
      this.groups = Array.from(table.tBodies, (body) => ({ body, count: body.rows.length }));
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
      this.sort();
      this.measure();
      this.keep();
    }

    sort() {
      const { name, direction } = this.sorted;
      const column = this.heads.findIndex((head) => head.dataset.name === name);
      for (const [place, head] of this.heads.entries()) {
        if (place === column) head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
      }
      const rows = this.rows.toSorted(column < 0 ? (one, other) => one.place - other.place : comparison(column, direction));
      let place = 0;
      for (const { body, count } of this.groups) {
        body.replaceChildren(...rows.slice(place, place += count).map((each) => each.row));
      }
    }

    // A group that is out of sight is not laid out, so the style is told how many rows it would show.
    measure() {
      for (const { body } of this.groups) {
        const shown = Array.prototype.reduce.call(body.rows, (sum, row) => sum + !row.hidden, 0);
        body.hidden = shown === 0;
        body.style.setProperty("--rows", shown);
      }
    }

    fields() {
      return this.form ? Array.from(this.form.elements).filter((field) => field.name) : [];
    }

    changed() {
      this.filter();
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
      for (const { row, keys, text } of this.rows) {
        const fits = columns.every(([column, value]) => keys[column] === value) && words.every((word) => text.includes(word));
        if (row.hidden === fits) row.hidden = !fits;
        shown += fits;
      }
      this.measure();
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
      if (this.sorted.name) this.sort();
      this.filter();
    }
  }

  for (const table of document.querySelectorAll("table.listing")) new Listing(table);
})();
