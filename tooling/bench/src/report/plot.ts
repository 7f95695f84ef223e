/** A line: how much at which length. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Drawn bold. */
  readonly ours?: boolean;
}

export interface PlotOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
}

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 64;
const RIGHT = 190;
const TOP = 40;
const BOTTOM = 48;
const COLORS = ["#0969da", "#6e7781", "#bc4c00", "#8250df", "#1a7f37", "#bf3989", "#9a6700"];

const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
const power = (value: number) => 10 ** value;
const label = (value: number) => (value < 1 ? String(value) : value.toLocaleString("en-US"));

/** An SVG with both axes logarithmic, readable on light and on dark ground. */
export function logLogPlot(series: readonly Series[], { title, x, y }: PlotOptions): string {
  const points = series.flatMap((each) => each.points).filter(([px, py]) => px > 0 && py > 0);
  if (points.length === 0) throw new RangeError("there is nothing to draw");
  const decades = (values: number[]) =>
    [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))] as const;
  const [x0, x1] = decades(points.map(([px]) => px));
  const [y0, y1] = decades(points.map(([, py]) => py));
  const atX = (value: number) => LEFT + ((Math.log10(value) - x0) / Math.max(1, x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const atY = (value: number) =>
    HEIGHT - BOTTOM - ((Math.log10(value) - y0) / Math.max(1, y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const steps = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => power(from + i));
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#d0d7de"/>`;
  const text = (px: number, py: number, content: string, more = "") =>
    `<text x="${px.toFixed(1)}" y="${py.toFixed(1)}" ${more}>${escaped(content)}</text>`;

  const [right, bottom] = [WIDTH - RIGHT, HEIGHT - BOTTOM];
  const grid = [
    ...steps(x0, x1).map((value) => line(atX(value), TOP, atX(value), bottom)),
    ...steps(y0, y1).map((value) => line(LEFT, atY(value), right, atY(value))),
    ...steps(x0, x1).map((value) => text(atX(value), bottom + 16, label(value), 'text-anchor="middle"')),
    ...steps(y0, y1).map((value) => text(LEFT - 6, atY(value) + 4, label(value), 'text-anchor="end"')),
    text((LEFT + right) / 2, HEIGHT - 10, x, 'text-anchor="middle"'),
    text(LEFT, TOP - 8, y, 'text-anchor="start"'),
    text(LEFT, 16, title, 'font-weight="bold"'),
  ];
  const drawn = series.map(({ points, ours = false }, i) => {
    const color = COLORS[i % COLORS.length] as string;
    const placed = points.filter(([px, py]) => px > 0 && py > 0).map(([px, py]) => [atX(px), atY(py)] as const);
    const path = placed.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    const dots = placed.map(
      ([px, py]) => `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3" fill="${color}"/>`,
    );
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="${ours ? 3 : 1.5}"/>${dots.join("")}`;
  });
  const names = series.map(({ name, ours = false }, i) => {
    const top = TOP + 10 + i * 20;
    const color = COLORS[i % COLORS.length] as string;
    return `<rect x="${right + 14}" y="${top - 9}" width="12" height="10" fill="${color}"/>${text(
      right + 32,
      top,
      name,
      ours ? 'font-weight="bold"' : "",
    )}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#24292f">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${[...grid, ...drawn, ...names].join("\n")}
</svg>
`;
}
