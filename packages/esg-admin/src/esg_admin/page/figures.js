"use strict";
// What the documents of /stats say together: rates, quantiles, and how figures are written. Knows nothing of the page.
// terminal/figures.py and terminal/writing.py have the same; both are held to one table of cases.

const POINTS = 120; // documents that are kept, one a second
const RATE_SPAN = 5;
const LATENCY_SPAN = 10;

class Documents {
  constructor() {
    this.kept = [];
  }

  add(stats) {
    const last = this.last;
    if (last && (last.pid !== stats.pid || last.started_at !== stats.started_at)) this.kept = [];
    this.kept.push(stats);
    if (this.kept.length > POINTS) this.kept.shift();
  }

  get last() {
    return this.kept.at(-1);
  }

  // The document from so many seconds before the last one, or else the first after that; the last only if alone.
  before(seconds) {
    const since = this.last.uptime - seconds - 0.5;
    const earlier = this.kept.slice(0, -1);
    return earlier.find((stats) => stats.uptime > since) ?? earlier.at(-1) ?? this.last;
  }

  // By how much a counter grew each second; null without a span to tell it from.
  rate(counter, seconds = RATE_SPAN) {
    const then = this.before(seconds);
    const span = this.last.uptime - then.uptime;
    return span > 0 ? Math.max(0, counter(this.last) - counter(then)) / span : null;
  }

  // The same for a worker, as long as it is the same process.
  workerRate(worker, counter) {
    const same = ({ workers }) => workers.find((one) => one.worker === worker.worker && one.pid === worker.pid);
    const then = this.kept.slice(-RATE_SPAN - 1).find(same);
    const span = then ? this.last.uptime - then.uptime : 0;
    return span > 0 ? Math.max(0, counter(worker) - counter(same(then))) / span : null;
  }

  // The quantiles of the durations since LATENCY_SPAN seconds ago; null where there was no request.
  quantiles(shares) {
    const { latency_bounds: bounds, latency_counts: now } = this.last.totals;
    const before = this.before(LATENCY_SPAN).totals.latency_counts;
    const counts = now.map((count, at) => Math.max(0, count - (before[at] ?? 0)));
    return shares.map((share) => quantile(share, bounds, counts));
  }
}

// As Prometheus' histogram_quantile(): evenly spread inside a bucket; the greatest bound stands for all beyond it.
function quantile(share, bounds, counts) {
  let missing = share * counts.reduce((sum, count) => sum + count, 0);
  if (missing === 0) return null;
  for (const [at, bound] of bounds.entries()) {
    if (missing <= counts[at]) {
      const lower = at === 0 ? 0 : bounds[at - 1];
      return lower + ((bound - lower) * missing) / counts[at];
    }
    missing -= counts[at];
  }
  return bounds.at(-1) ?? null;
}

// Figures are written as [number, unit].

const rounded = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

// A figure as one text.
function written([number, unit]) {
  return unit === "" || unit.startsWith("/") ? number + unit : `${number}\u00a0${unit}`;
}

function short(value) {
  return rounded[value >= 100 ? 0 : value >= 10 ? 1 : 2].format(value);
}

function plain(value) {
  return value == null ? ["–", ""] : [rounded[0].format(value), ""];
}

function perSecond(value) {
  return value == null ? ["–", ""] : [rounded[value < 10 ? 1 : 0].format(value), "/s"];
}

function percent(share) {
  return share == null ? ["–", ""] : [rounded[0].format(100 * share), "%"];
}

function duration(seconds) {
  if (seconds == null) return ["–", ""];
  if (seconds < 1) return [short(1000 * seconds), "ms"];
  return seconds < 120 ? [short(seconds), "s"] : [short(seconds / 60), "min"];
}

function size(bytes) {
  if (bytes == null) return ["–", ""];
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1024 ? [short(mebibytes), "MiB"] : [short(mebibytes / 1024), "GiB"];
}

function age(seconds) {
  if (seconds == null) return "–";
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "s"],
  ];
  const first = Math.min(parts.findIndex(([count]) => count > 0) >>> 0, 3);
  return parts.slice(first, first + 2).map(([count, unit]) => `${count} ${unit}`).join(" ");
}
