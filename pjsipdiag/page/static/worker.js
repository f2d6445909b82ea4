"use strict";
// Python in a worker: the files are put into its memory, and pjsipdiag/page/dropped.py does the rest.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const PLACE = "/dropped/pjsipdiag-unpacked"; // what stands before it is not shown (pjsipdiag/errors.py)

const fetched = async (base, name) => {
  const answer = await fetch(new URL(name, base));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.arrayBuffer();
};

const put = async (python, files) => {
  for (const [name, file] of files) {
    const path = `${PLACE}/${name}`;
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    python.FS.writeFile(path, new Uint8Array(await file.arrayBuffer()));
  }
};

addEventListener("message", async ({ data: { base, files, asterisk } }) => {
  try {
    const python = await loadPyodide({ indexURL: new URL("pyodide/", base).href });
    python.unpackArchive(await fetched(base, "site.zip"), "zip", { extractDir: "/site" });
    python.runPython("import sys; sys.path.insert(0, '/site')");
    postMessage({ state: "Reading the files" });
    try {
      await put(python, files);
    } catch (error) {
      postMessage({ fault: `a file cannot be read: ${error.message}` });
      return;
    }
    const dropped = python.pyimport("pjsipdiag.page.dropped");
    const said = python.runPython(`
def said(dropped, folder, names, asterisk, progress):
    try:
        return dropped.report(folder, names.to_py(), asterisk, progress)
    except Exception as error:
        return (None, dropped.explain(error))
said`);
    const progress = (records, done, total) => postMessage({ progress: [records, done, total ?? null] });
    const [headline, html] = said(dropped, PLACE, files.map(([name]) => name), asterisk, progress).toJs();
    postMessage(headline ? { headline, html } : { fault: html });
  } catch (error) {
    postMessage({ fault: `Python could not be run here: ${error.message}` });
  }
});
