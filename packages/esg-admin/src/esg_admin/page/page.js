// Follows the events, shows each document, and asks for the requests that run as long as somebody may be looking.

const RETRY = 1000; // milliseconds
const SILENCE = 5000; // after which a stream that is still open counts as lost
const REQUESTS_EVERY = 3; // documents
const MOST_ROWS = 8;

const stats = new Documents();
const charts = {};
let token = "";
let shown = 0;

function showState(state) {
  document.body.dataset.state = state;
  setText(element("state"), state);
}

function showProblem(line) {
  setText(element("problem"), line);
  element("problem").hidden = line === "";
}

function get(path, signal) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return fetch(path, { headers, signal, cache: "no-store" });
}

// Each chart keeps its own points, so that a restart of the server is a gap and not an end.
function chart(id, values, write, top = 0) {
  const lines = (charts[id] ??= values.map(() => []));
  lines.forEach((line, at) => {
    line.push(values[at]);
    line.splice(0, line.length - POINTS);
  });
  const greatest = drawLines(`${id}-chart`, lines, top);
  setText(element(`${id}-peak`), greatest === null ? "" : `peak ${written(write(greatest))}`);
}

function breakCharts() {
  for (const lines of Object.values(charts).flat()) lines.push(null);
}

function show(document_) {
  stats.add(document_);
  const { totals, workers } = document_;
  showServer(document_);
  showRequests(totals);
  showLoad(totals, workers);
  showWorkers(workers);
  showRefused(totals);
}

function showServer({ version, pid, uptime, is_ready: isReady, is_draining: isDraining, options, versions }) {
  setText(element("version"), version);
  setText(element("server"), isDraining ? "draining" : isReady ? "ready" : "not ready");
  element("server").className = isReady && !isDraining ? "" : "alert";
  setText(element("uptime"), age(uptime));
  setText(element("pid"), String(pid));
  if (shown++ > 0) return;
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  showAll("options", Object.entries(options).map(([name, value]) => [name, text(value)]));
  showAll("versions", Object.entries(versions));
}

function showRequests(totals) {
  const rate = stats.rate((then) => then.totals.requests_total);
  const errors = stats.rate((then) => then.totals.errors_total);
  const aborted = stats.rate((then) => then.totals.aborted_total);
  showFigure("rate", perSecond(rate));
  const detail = `${written(perSecond(errors))} failed, ${written(perSecond(aborted))} aborted`;
  setText(element("rate-detail"), `${detail}, ${written(plain(totals.requests_total))} in all`);
  chart("rate", [rate], perSecond);
  document.title = rate === null ? "ESG" : `${written(perSecond(rate))} – ESG`;
  const latency = stats.quantiles([0.5, 0.9, 0.99]);
  ["p50", "p90", "p99"].forEach((id, at) => showFigure(id, duration(latency[at])));
  chart("latency", latency, duration);
}

function showLoad(totals, workers) {
  const { running, queued, limit, websockets, h2_streams: ofHTTP2, h3_streams: ofHTTP3 } = totals;
  showFigure("running", [plain(running)[0], limit === null ? "" : `of ${plain(limit)[0]}`]);
  setText(element("running-detail"), `${plain(queued)[0]} queued`);
  chart("running", [running, queued], plain);
  const shares = workers.map(busyShare).filter((share) => share !== null);
  const mean = shares.length ? shares.reduce((sum, share) => sum + share, 0) / shares.length : null;
  showFigure("busy", percent(mean));
  const lag = workers.length ? Math.max(...workers.map((worker) => worker.lag)) : null;
  const busiest = shares.length > 1 ? `busiest ${written(percent(Math.max(...shares)))}, ` : "";
  setText(element("busy-detail"), `${busiest}lag ${written(duration(lag))}`);
  chart("busy", [mean], percent, 1);
  showFigure("memory", size(totals.memory));
  setText(element("memory-detail"), workers.length > 1 ? `in ${workers.length} workers` : "\u00a0");
  chart("memory", [totals.memory], size);
  showFigure("connections", plain(totals.connections));
  const streams = `${plain(ofHTTP2)[0]} HTTP/2 streams, ${plain(ofHTTP3)[0]} HTTP/3 streams`;
  setText(element("connections-detail"), `${plain(websockets)[0]} WebSockets, ${streams}`);
  chart("connections", [totals.connections, websockets], plain);
}

function busyShare(worker) {
  const share = stats.workerRate(worker, (then) => then.busy_seconds_total);
  return share === null ? null : Math.min(1, share);
}

function showWorkers(workers) {
  showRows("workers", workers, (worker) => {
    const busy = busyShare(worker);
    return [
      String(worker.worker),
      { text: worker.state, className: `state ${worker.state}` },
      perSecond(stats.workerRate(worker, (then) => then.requests_total))[0],
      { text: written(percent(busy)), share: busy },
      duration(worker.lag),
      plain(worker.running),
      plain(worker.queued),
      size(worker.memory),
      plain(worker.connections),
      plain(worker.websockets),
      worker.heartbeat_age === null ? "–" : `${written(duration(worker.heartbeat_age))} ago`,
      age(worker.age),
      String(worker.pid),
    ];
  });
}

function showRefused({ refused_total: ever }) {
  const before = stats.before(60).totals.refused_total;
  const reasons = Object.keys(ever).filter((reason) => ever[reason] > 0).sort((one, other) => ever[other] - ever[one]);
  showRows("refused", reasons, (reason) => [
    reason.replaceAll("_", " "),
    plain(Math.max(0, ever[reason] - (before[reason] ?? 0))),
    plain(ever[reason]),
  ]);
  setText(element("refused-note"), reasons.length ? "" : "No request has been refused.");
}

function requestCell({ method, path, client, protocol, id }) {
  return { lines: [`${method} ${path}`, [client, protocol && (/^\d/.test(protocol) ? `HTTP/${protocol}` : protocol), id].filter(Boolean).join(" · ")], className: "request" };
}

function more(items, none) {
  if (items.length === 0) return none;
  return items.length > MOST_ROWS ? `and ${items.length - MOST_ROWS} more` : "";
}

async function showSlow() {
  const response = await get("requests");
  if (!response.ok) return;
  const { running, ended, silent } = await response.json();
  showRows("slow", running.slice(0, MOST_ROWS), (one) => [
    duration(one.seconds),
    requestCell(one),
    one.phase ?? "",
    String(one.worker),
  ]);
  const answered = silent.map(({ worker, pid }) => `worker ${worker} (process ${pid}) has not answered`);
  setText(element("slow-note"), [more(running, "Nothing is running."), ...answered].filter(Boolean).join("; "));
  showRows("ended", ended.slice(0, MOST_ROWS), (one) => [
    duration(one.seconds),
    requestCell(one),
    { text: `${one.reason} ${one.status ?? ""}`.trim(), className: one.reason === "failed" ? "alert" : "" },
    age(Date.now() / 1000 - one.at),
  ]);
  setText(element("ended-note"), more(ended, "Nothing of the kind."));
}

// Calls `took` with each document of the stream, until it ends, fails or falls silent.
async function readEvents(body, took) {
  let unread = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const events = (unread + piece).split("\n\n");
    unread = events.pop();
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) took(JSON.parse(data.slice(6)));
    }
  }
}

async function follow() {
  const abort = new AbortController();
  let silence = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await get("events", abort.signal);
    if (!response.ok) {
      showProblem(response.status === 401 && !token ? "" : (await response.text()).trim());
      return response.status;
    }
    let count = 0;
    await readEvents(response.body, (document_) => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENCE);
      showProblem("");
      showState("live");
      show(document_);
      if (count++ % REQUESTS_EVERY === 0 && !document.hidden) showSlow().catch(() => {});
    });
    return 200;
  } finally {
    clearTimeout(silence);
  }
}

function tokenIsGiven() {
  element("ask").hidden = false;
  element("token").focus();
  return new Promise((given) => {
    element("ask").onsubmit = (event) => {
      event.preventDefault();
      token = element("token").value.trim();
      element("token").value = "";
      element("ask").hidden = true;
      given();
    };
  });
}

// A link carries no token: where one is needed, the page fetches what the link names, and shows it below.
async function showDocument(event) {
  const link = event.target.closest("a");
  if (!link || !token) return;
  event.preventDefault();
  const shown = element("document");
  const path = link.getAttribute("href");
  try {
    const response = await get(path);
    const isJson = response.ok && response.headers.get("content-type").startsWith("application/json");
    setText(shown, isJson ? JSON.stringify(await response.json(), null, 2) : await response.text());
  } catch {
    setText(shown, "The server does not answer.");
  }
  shown.setAttribute("aria-label", path);
  shown.hidden = false;
  shown.focus();
}

async function run() {
  for (;;) {
    const status = await follow().catch(() => 0);
    if (status === 401) {
      showState("token needed");
      await tokenIsGiven();
      showState("connecting");
    } else {
      showState("lost");
      breakCharts();
      shown = 0;
      await new Promise((done) => setTimeout(done, RETRY));
    }
  }
}

element("documents").addEventListener("click", showDocument);
run();
