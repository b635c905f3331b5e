// Sorts the atlas by a column and filters its rows. The words of a cell decide: the table is whole
// and readable without this script.

const table = document.querySelector("table.atlas");
const rows = [...table.tBodies[0].rows];
const heads = [...table.tHead.rows[0].cells];
const titles = heads.map((head) => head.textContent.trim());
const words = rows.map((row) => [...row.cells].map((cell) => text(cell)));

function text(cell) {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll(".math").forEach((formula) => formula.remove());
  return copy.textContent.trim();
}

// --- sorting: a column's title is a button ------------------------------------------------------

function compare(column) {
  const numeric = words.every((row) => isFinite(Number(row[column])));
  return numeric
    ? (a, b) => Number(words[a][column]) - Number(words[b][column])
    : (a, b) => words[a][column].localeCompare(words[b][column]);
}

function sort(column) {
  const down = heads[column].getAttribute("aria-sort") === "ascending";
  const order = rows.map((_, i) => i).sort(compare(column));
  if (down) order.reverse();
  order.sort((a, b) => (words[a][column] === "") - (words[b][column] === "")); // without a word: last
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
  table.tBodies[0].append(...order.map((i) => rows[i]));
}

heads.forEach((head, column) => {
  if (["Range", "Formula"].includes(titles[column])) return; // have no order
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = titles[column];
  button.addEventListener("click", () => sort(column));
  head.replaceChildren(button);
});

// --- for screen readers and keys: a name heads its row, the table can be scrolled ----------------

rows.forEach((row) => row.cells[0].setAttribute("role", "rowheader"));
table.setAttribute("aria-label", "Losses");
const frame = table.closest(".pst-scrollable-table-container") ?? table.parentElement;
frame.tabIndex = 0;
frame.setAttribute("role", "region");
frame.setAttribute("aria-label", "Losses, a wide table");

// --- filtering: words anywhere in a row, and one value of a column --------------------------------

const filters = document.createElement("form");
filters.className = "atlas-filters";
filters.addEventListener("submit", (event) => event.preventDefault());

function field(title, control) {
  const label = document.createElement("label");
  label.append(title, control);
  filters.append(label);
  return control;
}

const typed = field("Words in a row", document.createElement("input"));
typed.type = "text"; // the page has one search field, which searches the course

const choices = ["Family", "Convex", "Smooth", "Bounded pull"].map((title) => {
  const column = titles.indexOf(title);
  const select = field(title, document.createElement("select"));
  const values = [...new Set(words.map((row) => row[column]))];
  select.append(new Option("any", ""), ...values.map((value) => new Option(value)));
  return { column, select };
});

const count = document.createElement("output");
filters.append(count);

function filter() {
  const wanted = typed.value.toLowerCase().split(/\s+/);
  let shown = 0;
  rows.forEach((row, i) => {
    const all = words[i].join(" ").toLowerCase();
    row.hidden =
      !wanted.every((word) => all.includes(word)) ||
      !choices.every(({ column, select }) => !select.value || words[i][column] === select.value);
    shown += !row.hidden;
  });
  count.textContent = `${shown} of ${rows.length} losses`;
}

filters.addEventListener("input", filter);
frame.before(filters);
filter();
