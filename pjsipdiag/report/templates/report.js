"use strict";
// Sorting, filtering and copying. The page is complete without it.
(() => {
  const say = (text) => { document.getElementById("said").textContent = text; };

  // Copying: the clipboard where the page may use it, else a selection and the old command.
  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      const done = await copyText(button.parentElement.querySelector(".copied").textContent);
      button.textContent = done ? "Copied" : "Select and copy by hand";
      say(button.textContent);
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }

  // A link to a call opens it.
  const openTarget = () => {
    const target = location.hash.startsWith("#call-") && document.getElementById(location.hash.slice(1));
    if (target) target.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  // What stands open without having been asked for is not printed.
  for (const details of document.querySelectorAll(".unasked")) {
    details.firstElementChild.addEventListener("click", () => details.classList.remove("unasked"));
  }

  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({
    row,
    verdict: row.dataset.verdict,
    text: row.textContent.toLowerCase(),
  }));
  const page = 200;
  let limit = page;
  const filters = document.querySelector(".filters");
  const filter = document.getElementById("filter");
  const more = document.getElementById("more");
  filters.hidden = rows.length < 5;

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set([...filters.querySelectorAll("input[name=verdict]:checked")].map((box) => box.value));
    let found = 0;
    for (const { row, verdict, text } of rows) {
      const fits = verdicts.has(verdict) && words.every((word) => text.includes(word));
      if (fits) found += 1;
      row.hidden = !fits || found > limit;
    }
    more.hidden = found <= limit;
    more.textContent = `Show ${Math.min(page * 5, found - limit).toLocaleString("en")} more`;
    document.getElementById("shown").textContent =
      `${Math.min(found, limit).toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };
  filters.addEventListener("input", () => { limit = page; show(); });
  filters.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { limit += page * 5; show(); });

  // Sorting: addresses by their numbers, counts as numbers, the rest as text.
  const key = (text) => text.replace(/,(?=\d{3})/g, "").replace(/\d+/g, (digits) => digits.padStart(12, "0"));
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = header.getAttribute("aria-sort") === "ascending";
      for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const sign = falling ? -1 : 1;
      for (const entry of rows) entry.key = key(entry.row.cells[column].textContent);
      rows.sort((a, b) => sign * (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
      body.replaceChildren(...rows.map((entry) => entry.row));
      show();
      say(`Sorted by ${button.textContent}, ${falling ? "falling" : "rising"}`);
    });
  });
  show();
})();
