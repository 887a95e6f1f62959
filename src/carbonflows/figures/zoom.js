// Draws the cells of `zoom.py` and keeps what is written beside them in step with the chosen layer.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const map = document.getElementById("map");
  const tip = document.getElementById("tip");
  const choice = document.getElementById("layer");
  const said = document.getElementById("said");

  function bytes(text) {
    const raw = atob(text);
    const found = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
    return found;
  }
  const floats = (text) => new Float32Array(bytes(text).buffer);
  // Three bytes each: single precision without its last byte.
  function short(text) {
    const raw = bytes(text);
    const whole = new Uint32Array(raw.length / 3);
    for (let i = 0; i < whole.length; i++) {
      whole[i] = (raw[3 * i] << 8) | (raw[3 * i + 1] << 16) | (raw[3 * i + 2] << 24);
    }
    return new Float32Array(whole.buffer);
  }
  const bit = (bits, i) => (bits[i >> 3] >> (7 - (i & 7))) & 1;

  const { rows, columns } = data;
  const land = bytes(data.land);
  const number = (value) =>
    value.toLocaleString("en", { maximumSignificantDigits: 4 });

  // Values of a layer on all cells; NaN where there are no data.
  const unpacked = new Map();
  function layer(k) {
    if (unpacked.has(k)) return unpacked.get(k);
    const above = bytes(data.layers[k].above);
    const values = short(data.layers[k].values);
    const all = new Float32Array(rows * columns).fill(NaN);
    for (let cell = 0, i = 0, j = 0; cell < all.length; cell++) {
      if (bit(land, cell)) all[cell] = bit(above, i++) ? values[j++] : 0;
    }
    unpacked.set(k, all);
    return all;
  }

  // Rows from south to north; zero below the scale, small values at its foot.
  function colours(k) {
    const all = layer(k);
    const z = [];
    for (let row = rows - 1; row >= 0; row--) {
      const line = new Float32Array(columns);
      for (let c = 0; c < columns; c++) {
        const value = all[row * columns + c];
        line[c] = value > 0 ? Math.max(Math.log10(value), data.foot + 1e-4) : value === 0 ? data.zero : NaN;
      }
      z.push(line);
    }
    return z;
  }

  const lon = floats(data.places.lon), lat = floats(data.places.lat);
  function place(row, column) {
    const { step, across } = data.places;
    const r = Math.floor(row / step), c = Math.floor(column / step);
    const v = row / step - r, u = column / step - c;
    const mixed = (a) => {
      const i = r * across + c;
      return (1 - v) * ((1 - u) * a[i] + u * a[i + 1]) + v * ((1 - u) * a[i + across] + u * a[i + across + 1]);
    };
    const east = mixed(lon), north = mixed(lat);
    return Math.abs(north).toFixed(2) + "° " + (north < 0 ? "S" : "N") + ", " +
      Math.abs(east).toFixed(2) + "° " + (east < 0 ? "W" : "E");
  }

  const outline = floats(data.outline);
  const edge = [[], []];
  for (let i = 0; i < outline.length; i++) edge[i % 2].push(isNaN(outline[i]) ? null : outline[i]);

  const traces = [
    {
      type: "heatmap", z: colours(0), x0: data.x0, dx: data.dx, y0: data.y0, dy: data.dy,
      zmin: data.zero, zmax: data.top, colorscale: data.scale, zsmooth: false, hoverinfo: "none",
      hoverongaps: false,
      colorbar: {
        title: { text: data.unit, side: "right", font: { size: 12 } }, thickness: 14, len: 0.8,
        tickvals: data.ticks.map((t) => t[0]), ticktext: data.ticks.map((t) => t[1]),
        outlinewidth: 0.5, outlinecolor: "#7d7d7d"
      }
    },
    {
      type: "scatter", mode: "lines", x: edge[0], y: edge[1], connectgaps: false,
      line: { color: "#7d7d7d", width: 0.8 }, hoverinfo: "skip", showlegend: false
    },
    {
      type: "scatter", mode: "markers+text", x: data.cities.map((c) => c[1]),
      y: data.cities.map((c) => c[2]), text: data.cities.map((c) => c[0]),
      textposition: "middle right", hovertext: data.cities.map((c) => c[0]), hoverinfo: "text",
      marker: { symbol: "circle-open", size: 7, color: "#222222", line: { width: 1.2 } },
      textfont: { size: 12, color: "#222222", shadow: "0 0 2px #fff, 0 0 2px #fff, 0 0 3px #fff" },
      showlegend: false, cliponaxis: true
    }
  ];
  const hidden = { visible: false, showgrid: false, zeroline: false };
  const layout = {
    margin: { l: 4, r: 4, t: 4, b: 4 }, dragmode: "pan", hovermode: "closest",
    plot_bgcolor: "#ffffff", paper_bgcolor: "#ffffff",
    font: { family: "DejaVu Sans, Verdana, sans-serif", color: "#222222" },
    xaxis: { ...hidden, range: data.range[0] },
    yaxis: { ...hidden, range: data.range[1], scaleanchor: "x", scaleratio: data.ratio }
  };
  const config = {
    displaylogo: false, scrollZoom: true, responsive: true, showLink: false, showEditInChartStudio: false,
    showSendToCloud: false, plotlyServerURL: "",
    modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]]
  };

  // Names that would cover another are left out until there is room.
  let naming = false;
  function name() {
    if (naming || !data.cities.length) return;
    const { xaxis, yaxis } = map._fullLayout;
    const taken = [], none = "\u00a0"; // a text that is empty is not drawn again
    const text = data.cities.map(([word, x, y]) => {
      const left = xaxis.l2p(x) + 6, middle = yaxis.l2p(y), right = left + 7.2 * word.length;
      if (left < 0 || left > xaxis._length || middle < 0 || middle > yaxis._length) return none;
      if (taken.some((b) => left < b[2] && right > b[0] && Math.abs(middle - b[1]) < 14)) return none;
      taken.push([left - 12, middle, right]);
      return word;
    });
    naming = true;
    Plotly.restyle(map, { text: [text] }, [2]).then(() => { naming = false; });
  }

  function say() {
    const chosen = data.layers[choice.value];
    said.textContent = chosen.total;
    map.setAttribute("aria-label", data.title + ": " + chosen.name + ". " + chosen.total);
  }

  Plotly.newPlot(map, traces, layout, config).then(() => {
    name();
    map.on("plotly_relayout", name);
    map.on("plotly_hover", (event) => {
      const point = event.points[0];
      if (point.curveNumber !== 0) return;
      const [south, column] = Array.isArray(point.pointNumber) ? point.pointNumber : point.pointIndex;
      const row = rows - 1 - south;
      const value = layer(Number(choice.value))[row * columns + column];
      if (isNaN(value)) return;
      tip.innerText = number(value) + " " + data.unit + "\n" + place(row, column) + "\n" +
        data.layers[choice.value].name;
      tip.hidden = false;
      const { clientX, clientY } = event.event;
      tip.style.left = Math.min(clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
      tip.style.top = Math.max(clientY - tip.offsetHeight - 10, 4) + "px";
    });
    map.on("plotly_unhover", () => { tip.hidden = true; });
  });
  data.layers.forEach((one, k) => choice.add(new Option(one.name, k)));
  choice.addEventListener("change", () => {
    tip.hidden = true;
    Plotly.restyle(map, { z: [colours(Number(choice.value))] }, [0]);
    say();
  });
  say();
})();
