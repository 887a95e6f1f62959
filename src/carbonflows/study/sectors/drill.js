// Chains of stages that can be taken apart: choose regions, keep only the carbon through them.
(function () {
  "use strict";

  // Read the cells of a chain: the regions of each one, column by column, and its amount.
  function decode(data) {
    var size = data.names.length, width = data.heads.length, cells = [];
    data.cells.split(",").forEach(function (text, place) {
      if (!text) return;
      var at = new Array(width);
      for (var c = width - 1; c >= 0; c--) {
        at[c] = place % size;
        place = Math.floor(place / size);
      }
      cells.push({ at: at, count: parseInt(text, 36) });
    });
    return cells;
  }

  // Sum the cells that pass through a chosen region in every column that has one.
  // Counts are whole numbers, so that sums are exact.
  function through(data, cells, chosen) {
    var size = data.names.length, width = data.heads.length;
    var found = { sum: 0, columns: [], links: [] };
    for (var c = 0; c < width; c++) {
      found.columns.push(new Array(size).fill(0));
      if (c) found.links.push(new Array(size * size).fill(0));
    }
    cells.forEach(function (cell) {
      for (var c = 0; c < width; c++) {
        if (chosen[c].size && !chosen[c].has(cell.at[c])) return;
      }
      found.sum += cell.count;
      for (c = 0; c < width; c++) {
        found.columns[c][cell.at[c]] += cell.count;
        if (c) found.links[c - 1][cell.at[c - 1] * size + cell.at[c]] += cell.count;
      }
    });
    return found;
  }

  function number(value, places) {
    return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  }

  function amount(data, value) {
    var places = value > 0 ? Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(value)))) : 0;
    return number(value, places) + " " + data.unit;
  }

  function percent(share) {
    if (share > 0.999 && share < 1) return "> 99.9\u00a0%";
    if (share > 0 && share < 0.001) return "< 0.1\u00a0%";
    return (share === 1 ? "100" : number(100 * share, 1)) + "\u00a0%";
  }

  function lowered(text) {
    return text.charAt(0).toLowerCase() + text.slice(1);
  }

  // Move places as little as needed to stand a gap apart (pool neighbours that collide).
  function spread(places, gap, low, high) {
    var n = places.length, pools = [], out = [];
    gap = Math.min(gap, (high - low) / Math.max(n - 1, 1));
    places.forEach(function (place, i) {
      var pool = [place - gap * i, 1];
      while (pools.length && pools[pools.length - 1][0] > pool[0]) {
        var before = pools.pop(), count = before[1] + pool[1];
        pool = [(before[0] * before[1] + pool[0] * pool[1]) / count, count];
      }
      pools.push(pool);
    });
    pools.forEach(function (pool) {
      for (var k = 0; k < pool[1]; k++) out.push(pool[0]);
    });
    return out.map(function (level, i) {
      return Math.min(Math.max(level, low), high - gap * (n - 1)) + gap * i;
    });
  }

  var LEAST = 0.001; // share below which a ribbon is left out

  function start(box) {
    var data = JSON.parse(box.querySelector("script").textContent);
    var cells = decode(data), size = data.names.length, width = data.heads.length;
    var p = data.place, svg = box.querySelector("svg");
    var status = box.querySelector("[role=status]"), note = box.querySelector(".below");
    var reset = box.querySelector("button");
    var chosen = data.heads.map(function () { return new Set(); });
    var everything = through(data, cells, chosen), nodes = [];

    function draw(name, attributes, parent, text) {
      var element = document.createElementNS(svg.namespaceURI, name);
      for (var key in attributes) element.setAttribute(key, attributes[key]);
      if (text !== undefined) element.textContent = text;
      if (parent) parent.appendChild(element);
      return element;
    }

    function set(element, attributes) {
      for (var key in attributes) element.setAttribute(key, attributes[key]);
    }

    svg.setAttribute("viewBox", "0 0 " + p.width + " " + (p.top + p.height + 2));
    p.heads.forEach(function (head, c) {
      var last = c === width - 1, x = p.lefts[c] + p.bar * (c === 0 ? 1 : last ? 0 : 0.5);
      head.lines.forEach(function (line, i) {
        draw("text", {
          x: x, y: p.top - 3.8 - (head.lines.length - 1 - i) * p.line, "font-size": head.size,
          "font-weight": "bold", "text-anchor": c === 0 ? "end" : last ? "start" : "middle"
        }, svg, line);
      });
    });
    var ribbons = draw("g", { "class": "ribbons" }, svg);
    data.heads.forEach(function (head, c) {
      var side = c === 0 ? -1 : c === width - 1 ? 1 : 0;
      var group = draw("g", { role: "group", "aria-label": head }, svg);
      nodes.push([]);
      for (var r = 0; r < size; r++) {
        if (!everything.columns[c][r]) continue;
        var g = draw("g", { role: "button", tabindex: -1, "class": "node" }, group);
        var node = {
          column: c, region: r, side: side, group: g, title: draw("title", {}, g),
          hit: draw("rect", { fill: "transparent", x: p.lefts[c] - 1, width: p.bar + 2 }, g),
          bar: draw("rect", { fill: data.colours[r], x: p.lefts[c], width: p.bar, "class": "bar" }, g),
          line: draw("path", { "class": "line" }, g),
          label: draw("text", {
            "font-size": side ? p.body : p.small, "dominant-baseline": "central",
            "text-anchor": side < 0 ? "end" : "start",
            x: side < 0 ? p.lefts[c] - 1.5 : p.lefts[c] + p.bar + (side ? 1.5 : 0.8)
          }, g)
        };
        nodes[c].push(node);
        g.addEventListener("click", toggle.bind(null, node));
        g.addEventListener("keydown", key.bind(null, node));
      }
    });

    function toggle(node) {
      var regions = chosen[node.column];
      if (!regions.delete(node.region)) regions.add(node.region);
      focus(node, false);
      redraw();
    }

    // One tab stop for the diagram; the arrow keys move inside it.
    function focus(node, move) {
      nodes.forEach(function (column) {
        column.forEach(function (other) { other.group.setAttribute("tabindex", other === node ? 0 : -1); });
      });
      if (move) node.group.focus();
    }

    function key(node, event) {
      var column = nodes[node.column], place = column.indexOf(node), next = null;
      if (event.key === "Enter" || event.key === " ") toggle(node);
      else if (event.key === "Escape") clear();
      else if (event.key === "ArrowDown") next = column[place + 1];
      else if (event.key === "ArrowUp") next = column[place - 1];
      else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        var beside = nodes[node.column + (event.key === "ArrowRight" ? 1 : -1)];
        next = beside && (beside.find(function (o) { return o.region === node.region; }) ||
                          beside[Math.min(place, beside.length - 1)]);
      } else return;
      event.preventDefault();
      if (next) focus(next, true);
    }

    function clear() {
      chosen.forEach(function (regions) { regions.clear(); });
      redraw();
    }

    // The height of a region's row; in a choice no row is lower than a line of text.
    function row(value, scale, lowest) {
      return Math.max(scale * value + p.gap, lowest);
    }

    // The largest scale [mm per count] at which every column fits (the sum grows with the scale).
    function fitting(found, lowest) {
      var low = 0, high = found.sum ? p.height / found.sum : 0;
      for (var i = 0; i < 60; i++) {
        var scale = (low + high) / 2;
        var fits = nodes.every(function (column, c) {
          return column.reduce(function (used, node) {
            return used + row(found.columns[c][node.region], scale, lowest);
          }, -p.gap) <= p.height;
        });
        if (fits) low = scale;
        else high = scale;
      }
      return low;
    }

    function redraw() {
      var found = through(data, cells, chosen);
      var lowest = chosen.some(function (regions) { return regions.size; }) ? p.line : 0;
      var scale = fitting(found, lowest);
      var tops = nodes.map(function (column, c) {
        var rows = column.map(function (node) { return row(found.columns[c][node.region], scale, lowest); });
        var y = p.top + (p.height + p.gap - rows.reduce(function (a, b) { return a + b; }, 0)) / 2 - p.gap / 2;
        var top = [];
        column.forEach(function (node, i) {
          var r = node.region;
          top[r] = y + (rows[i] - scale * found.columns[c][r]) / 2;
          set(node.hit, { y: y, height: rows[i] });
          y += rows[i];
        });
        write(column, found.columns[c], top, scale, found.sum);
        return top;
      });
      var thin = placeRibbons(found, tops, scale);
      say(found.sum, thin / found.links.length);
    }

    // Set the bars, names and numbers of a column.
    function write(column, values, tops, scale, sum) {
      var labelled = column.filter(function (node) {
        return node.side || (sum && values[node.region] >= p.least_labelled * sum) ||
          (chosen[node.column].size && !values[node.region]);
      });
      var middles = labelled.map(function (node) {
        return tops[node.region] + scale * values[node.region] / 2;
      });
      var edge = (p.line - p.gap) / 2; // rows reach half a gap beyond the bars
      var heights = spread(middles, p.line, p.top + edge, p.top + p.height - edge);
      column.forEach(function (node) {
        var r = node.region, value = values[r], tall = scale * value, c = node.column;
        var share = sum ? value / sum : 0, on = chosen[c].has(r), i = labelled.indexOf(node);
        var text = data.names[r] + ", " + lowered(data.heads[c]) + ": " +
          amount(data, value * data.quantum) + ", " + percent(share);
        node.title.textContent = text;
        // Regions without carbon in the choice keep a stub, to be chosen all the same.
        set(node.bar, { y: value ? tops[r] : tops[r] - 0.2, height: value ? tall : 0.4 });
        set(node.group, {
          "aria-label": text, "aria-pressed": on,
          "class": "node" + (on ? " on" : "") + (value ? "" : " empty")
        });
        if (i < 0) {
          node.label.textContent = "";
          return;
        }
        var written = value ? number(100 * share, share > 0.1 ? 0 : 1) + "\u00a0%" : "";
        var name = (node.side ? data.outer : data.inner)[r];
        node.label.textContent = [name, written].filter(Boolean).join("\u00a0\u00a0");
        node.label.setAttribute("y", heights[i]);
        if (node.side) {
          var x = node.side < 0 ? p.lefts[c] : p.lefts[c] + p.bar;
          node.line.setAttribute("d", "M" + (x + 0.3 * node.side) + " " + middles[i] +
                                      "L" + (x + 1.2 * node.side) + " " + heights[i]);
        }
      });
    }

    // Draw the ribbons; return what is too thin to draw.
    function placeRibbons(found, tops, scale) {
      var thin = 0;
      ribbons.replaceChildren();
      found.links.forEach(function (link, c) {
        var leave = tops[c].slice(), arrive = tops[c + 1].slice();
        var x0 = p.lefts[c] + p.bar, x1 = p.lefts[c + 1], middle = (x0 + x1) / 2;
        link.forEach(function (value, k) {
          if (!value) return;
          var i = Math.floor(k / size), j = k % size, wide = scale * value;
          var a = leave[i], b = arrive[j];
          leave[i] += wide;
          arrive[j] += wide;
          if (value < LEAST * found.sum) {
            thin += value;
            return;
          }
          var d = ["M", x0, a, "C", middle, a, middle, b, x1, b, "L", x1, b + wide,
                   "C", middle, b + wide, middle, a + wide, x0, a + wide, "Z"];
          var ribbon = draw("path", { d: d.join(" "), fill: data.colours[i], "class": "ribbon" }, ribbons);
          draw("title", {}, ribbon, data.names[i] + " → " + data.names[j] + ": " +
            amount(data, value * data.quantum) + ", " + percent(value / found.sum));
        });
      });
      return thin;
    }

    function say(sum, thin) {
      var parts = [];
      chosen.forEach(function (regions, c) {
        if (!regions.size) return;
        var names = Array.from(regions).sort(function (a, b) { return a - b; });
        parts.push(lowered(data.heads[c]) + " " +
                   names.map(function (r) { return data.names[r]; }).join(" or "));
      });
      var value = sum * data.quantum;
      status.textContent = parts.length
        ? amount(data, value) + ", " + percent(sum / everything.sum) + " of all: " + parts.join("; ") + "."
        : amount(data, value) + " in all. Choose " + data.noun + "s to keep only what passes through them.";
      reset.disabled = !parts.length;
      var text = "Shares are of the " + amount(data, value) + " shown; ribbons have the colour of the " +
        data.noun + " that they leave. ";
      if (sum) text += "Ribbons below 0.1 % are left out, " + percent(thin / sum) + " of each step on average. ";
      if (data.merged) text += data.merged + " " + data.noun + "s are merged into “Other”. ";
      text += "Combinations too small to list hold " + amount(data, data.remainder) + " (" +
        percent(data.remainder / data.total) + " of all) and are in none of these numbers.";
      if (data.negative) text += " Nor are negative flows (−" + amount(data, -data.negative) + ").";
      note.textContent = text;
    }

    reset.addEventListener("click", clear);
    redraw();
    focus(nodes[0][0], false);
    box.hidden = false;
    box.parentNode.classList.add("live");
  }

  if (typeof document === "undefined") module.exports = { decode: decode, through: through, spread: spread };
  else document.querySelectorAll(".drill").forEach(start);
})();
