// What a person does in VS Code, through its API.
const vscode = require("vscode");

const TIMEOUT = 20_000;

/** The first true value of `condition()`; fails if it does not come. */
async function until(what, condition) {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function file(name) {
  return vscode.Uri.joinPath(vscode.workspace.workspaceFolders[0].uri, name);
}

async function write(name, text) {
  await vscode.workspace.fs.writeFile(file(name), Buffer.from(text));
}

async function read(name) {
  return Buffer.from(await vscode.workspace.fs.readFile(file(name))).toString();
}

/** Write a file and open it. */
async function open(name, text) {
  await write(name, text);
  const document = await vscode.workspace.openTextDocument(file(name));
  await vscode.window.showTextDocument(document);
  return document;
}

async function close() {
  await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
}

function found(document) {
  return vscode.languages.getDiagnostics(document.uri).filter((each) => each.source === "qlsp");
}

/** Wait until exactly these codes are reported; the diagnostics. */
async function reported(document, ...codes) {
  await until(`${codes} in ${document.uri}, not ${found(document).map(code)}`, () => {
    return found(document).map(code).sort().join() === codes.join();
  });
  return found(document);
}

function code(diagnostic) {
  return diagnostic.code.value ?? diagnostic.code;
}

async function edit(document, range, text) {
  const change = new vscode.WorkspaceEdit();
  change.replace(document.uri, range, text);
  await vscode.workspace.applyEdit(change);
}

function actions(document, range, kind) {
  const resolved = 100;
  return vscode.commands.executeCommand(
    "vscode.executeCodeActionProvider",
    document.uri,
    range,
    kind,
    resolved,
  );
}

module.exports = { until, file, write, read, open, close, found, reported, edit, actions };
