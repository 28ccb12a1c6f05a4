// Stacked bars by outcome, drawn for the width that there is.
import { svg } from "./dom.js";
import { DAY_MS, number, outcomes } from "./words.js";

const HEIGHT = 220,
  LEFT = 44,
  RIGHT = 8,
  TOP = 10,
  BOTTOM = 26;
const GROUND = HEIGHT - BOTTOM;

const hours = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const hoursOfDay = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

const total = (bucket) => bucket.values.reduce((sum, value) => sum + value, 0);

// The least of 1, 2, 5, 10, 20, 50 … of which four or fewer reach `most`.
function lineStep(most) {
  for (let power = 1; ; power *= 10) for (const digit of [1, 2, 5]) if (digit * power * 4 >= most) return digit * power;
}

function title(bucket, step) {
  const time = (step === DAY_MS ? days : hoursOfDay).format(bucket.start_ms);
  const parts = outcomes.flatMap((outcome, i) =>
    bucket.values[i] ? [`${outcome.text}: ${number(bucket.values[i])}`] : [],
  );
  return `${time}\n${parts.join("\n") || "No requests"}`;
}

function lines(step, top, y, width) {
  const found = [];
  for (let value = 0; value <= top; value += step)
    found.push(
      svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: value ? "line" : "ground" }),
      svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, number(value)),
    );
  return found;
}

function bar(bucket, x, barWidth, y, step) {
  let below = 0;
  const parts = bucket.values.map((value, i) => {
    const from = below;
    below += value;
    return value === 0
      ? null
      : svg("rect", {
          x,
          y: y(below),
          width: barWidth,
          height: Math.max(y(from) - y(below), 1),
          class: outcomes[i].id,
        });
  });
  const hit = svg("rect", { x: x - 1, y: TOP, width: barWidth + 2, height: GROUND - TOP, class: "hit" });
  return svg("g", null, parts, hit, svg("title", null, title(bucket, step)));
}

export function chart(buckets, width, step) {
  const grid = lineStep(Math.max(...buckets.map(total), 1));
  const top = grid * Math.max(1, Math.ceil(Math.max(...buckets.map(total)) / grid));
  const y = (value) => GROUND - (value / top) * (GROUND - TOP);
  const slot = (width - LEFT - RIGHT) / buckets.length;
  const barWidth = Math.max(1, Math.min(24, slot * 0.72));
  const every = Math.ceil(64 / slot); // labels are not to touch
  const label = step === DAY_MS ? days : buckets.length > 24 ? hoursOfDay : hours;
  const labelEvery = label === hoursOfDay ? Math.ceil(110 / slot) : every;
  const sums = outcomes.map(
    (outcome, i) => `${outcome.text}: ${number(buckets.reduce((sum, bucket) => sum + bucket.values[i], 0))}`,
  );
  return svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      width,
      height: HEIGHT,
      role: "img",
      "aria-label": `Requests by ${step === DAY_MS ? "day" : "hour"} and outcome. ${sums.join(", ")}.`,
    },
    lines(grid, top, y, width),
    buckets.map((bucket, i) => bar(bucket, LEFT + i * slot + (slot - barWidth) / 2, barWidth, y, step)),
    buckets.map((bucket, i) =>
      i % labelEvery === 0 && LEFT + i * slot + 40 < width
        ? svg(
            "text",
            { x: LEFT + i * slot + slot / 2, y: HEIGHT - 8, "text-anchor": "middle" },
            label.format(bucket.start_ms),
          )
        : null,
    ),
  );
}
