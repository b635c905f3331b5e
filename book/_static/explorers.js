// Makes the still pictures of explorers live: a slider chooses a position, whose values were
// computed when the site was built, and every chart of the figure redraws with them.

const script = document.getElementById("explorers-script");

function loadVega() {
  return new Promise((resolve, reject) => {
    const tag = document.createElement("script");
    tag.src = new URL(script.dataset.vega, script.src);
    tag.onload = () => resolve(window.vegaEmbed);
    tag.onerror = () => reject(new Error(`Could not load ${tag.src}`));
    document.head.append(tag);
  });
}

function rows(columns) {
  const names = Object.keys(columns);
  if (names.length === 0) return [];
  return columns[names[0]].map((_, i) =>
    Object.fromEntries(names.map((name) => [name, columns[name][i]]))
  );
}

async function enliven(figure, vegaEmbed) {
  const { specs, positions } = JSON.parse(
    figure.querySelector('script[type="application/json"]').textContent
  );
  const slider = figure.querySelector(".slider");
  const input = slider.querySelector("input");
  const output = slider.querySelector("output");
  const reading = figure.querySelector(".reading");

  const options = { mode: "vega", renderer: "svg", actions: false, defaultStyle: false };
  const views = await Promise.all(
    specs.map(async (spec) => {
      const container = document.createElement("div");
      const { view } = await vegaEmbed(container, spec, options);
      return { container, view, tables: spec.data.map((table) => table.name) };
    })
  );

  const show = (position) =>
    Promise.all(
      views.map(({ view, tables }) => {
        for (const [name, columns] of Object.entries(position.tables)) {
          if (tables.includes(name)) view.data(name, rows(columns));
        }
        return view.runAsync();
      })
    );

  // Drawn aside first, so that the still gives way to a finished chart of the same size.
  await show(positions[Number(input.value)]);
  figure.querySelectorAll(".view").forEach((still, i) => still.replaceChildren(views[i].container));
  slider.hidden = false;

  input.addEventListener("input", () => {
    const position = positions[Number(input.value)];
    output.textContent = position.label;
    input.setAttribute("aria-valuetext", position.label);
    reading.textContent = position.reading;
    show(position);
  });
}

const figures = document.querySelectorAll("figure.explorer");
if (figures.length > 0) {
  const vegaEmbed = await loadVega();
  for (const figure of figures) await enliven(figure, vegaEmbed);
}
