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
  const { specs, tables: fixed, positions } = JSON.parse(
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

  const fill = (view, names, tables) => {
    for (const [name, columns] of Object.entries(tables)) {
      if (names.includes(name)) view.data(name, rows(columns));
    }
  };
  const show = (position) =>
    Promise.all(
      views.map(({ view, tables }) => {
        fill(view, tables, position.tables);
        for (const [name, value] of Object.entries(position.signals)) view.signal(name, value);
        return view.runAsync();
      })
    );

  // Drawn aside first, so that the still gives way to a finished chart of the same size.
  for (const { view, tables } of views) fill(view, tables, fixed);
  await show(positions[Number(input.value)]);
  figure.querySelectorAll(".view").forEach((still, i) => still.replaceChildren(views[i].container));
  slider.hidden = false;

  const update = () => {
    const position = positions[Number(input.value)];
    output.textContent = position.label;
    input.setAttribute("aria-valuetext", position.label);
    reading.textContent = position.reading;
    return show(position);
  };
  const button = slider.querySelector("button");
  const stop = button ? playable(button, input, reading, update) : () => {};
  input.addEventListener("input", () => {
    stop();
    update();
  });
}

// Moves the slider on until its end, or until it is stopped; from the end it begins again.
// A screen reader hears the reading when the play is over, not at each step.
function playable(button, input, reading, update) {
  let playing = false;
  const stop = () => {
    playing = false;
    button.textContent = "Play";
    reading.setAttribute("aria-live", "polite");
  };
  button.addEventListener("click", async () => {
    if (playing) return stop();
    playing = true;
    button.textContent = "Pause";
    reading.setAttribute("aria-live", "off");
    if (input.value === input.max) input.value = 0;
    while (playing) {
      await update();
      await new Promise((resolve) => setTimeout(resolve, 120));
      if (playing && input.value === input.max) stop();
      else if (playing) input.value = Number(input.value) + 1;
    }
  });
  return stop;
}

const figures = document.querySelectorAll("figure.explorer");
if (figures.length > 0) {
  const vegaEmbed = await loadVega();
  for (const figure of figures) await enliven(figure, vegaEmbed);
}
