"use strict";
// Files in, report out. Python runs in a worker, so that the page stays alive.
const MOST = 1 << 30;
const at = (id) => document.getElementById(id);
const chosen = new Map(); // name below the dropped folder: File
let worker = null;
let saved = null;

const sized = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

const show = () => {
  at("list").replaceChildren(...[...chosen].map(([name, file]) => {
    const row = document.createElement("li");
    const size = document.createElement("span");
    row.textContent = name;
    size.textContent = sized(file.size);
    row.append(size);
    return row;
  }));
  at("go").disabled = chosen.size === 0 || worker !== null;
  at("again").hidden = chosen.size === 0;
};

const take = (name, file) => chosen.set(name.replace(/^\/+/, ""), file);

// A dropped folder is walked; readEntries gives some at a time.
const walk = async (entry) => {
  if (entry.isFile) {
    take(entry.fullPath, await new Promise((ok, no) => entry.file(ok, no)));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((ok, no) => reader.readEntries(ok, no));
    if (some.length === 0) return;
    for (const one of some) await walk(one);
  }
};

const fail = (text) => {
  at("fault").textContent = text;
  at("state").textContent = "";
  at("progress").hidden = true;
};

const stop = () => {
  if (worker) worker.terminate();
  worker = null;
  show();
};

const finish = ({ headline, html }) => {
  const blob = new Blob([html], { type: "text/html;charset=utf-8" });
  if (saved) URL.revokeObjectURL(saved);
  saved = URL.createObjectURL(blob);
  at("progress").hidden = true;
  at("state").textContent = headline;
  at("save").href = saved;
  at("done").hidden = false;
  at("report").src = saved;
  at("report").hidden = false;
  at("report").scrollIntoView({ behavior: "smooth" });
};

const heard = ({ data }) => {
  const bar = at("progress");
  if (data.state) at("state").textContent = data.state;
  if (data.progress) {
    const [records, done, total] = data.progress;
    if (total) bar.value = done / total;
    at("state").textContent = `${records.toLocaleString()} records, ${sized(done)}${total ? ` of ${sized(total)}` : ""}`;
  }
  if (data.fault) {
    fail(data.fault);
    stop();
  }
  if (data.html) {
    finish(data);
    stop();
  }
};

// A worker from a blob is held by the policy of this page; one from a file would only be by that of the file's answer.
const begin = () => {
  const source = `import ${JSON.stringify(new URL("worker.js", location.href).href)};`;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  worker = new Worker(address, { type: "module" });
  worker.onmessage = heard;
  worker.onerror = (event) => {
    fail(`this browser cannot run it: ${event.message || "it needs WebAssembly and modules in workers"}`);
    stop();
  };
};

at("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (worker || chosen.size === 0) return;
  const size = [...chosen.values()].reduce((sum, file) => sum + file.size, 0);
  if (size > MOST) {
    fail(`${sized(size)} are too much for a browser: leave out captures, or use pjsipdiag on a command line`);
    return;
  }
  at("fault").textContent = "";
  at("done").hidden = at("report").hidden = true;
  at("progress").hidden = false;
  at("progress").removeAttribute("value");
  at("state").textContent = "Starting Python";
  begin();
  show();
  worker.postMessage({
    base: new URL("./", location.href).href,
    asterisk: at("asterisk").value.trim(),
    files: [...chosen],
  });
});

at("again").addEventListener("click", () => {
  chosen.clear();
  fail("");
  at("done").hidden = at("report").hidden = true;
  stop();
});

for (const input of [at("files"), at("folder")]) {
  input.addEventListener("change", () => {
    for (const file of input.files) take(file.webkitRelativePath || file.name, file);
    input.value = "";
    show();
  });
}

addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
addEventListener("dragleave", () => at("drop").classList.remove("over"));
addEventListener("drop", async (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  // entries are there only until the first pause
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
  const plain = [...event.dataTransfer.files];
  if (entries.some(Boolean)) {
    try {
      for (const entry of entries.filter(Boolean)) await walk(entry);
    } catch (error) {
      fail(`a file cannot be read: ${error.message}`);
    }
  } else {
    for (const file of plain) take(file.name, file);
  }
  show();
});
