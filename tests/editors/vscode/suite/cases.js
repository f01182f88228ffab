// The cases: each starts with no editor open.
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const vscode = require("vscode");

const { actions, close, edit, file, found, open, read, reported, until, write } = require("./editor");

const CONV = 'x = layers.Conv2D(8, 3, activation="relu")(x)';
const MENDED = "x = layers.Conv2D(8, 3)(x)";
const STACKED = "rocket = '🚀'; x = layers.ReLU(6.0)(x)";
const AFTER = "x = layers.BatchNormalization()(x)";

function model(...lines) {
  return `import tensorflow as tf
from tensorflow.keras import layers


def build():
    x = inputs = layers.Input((32, 32, 3))
${lines.map((line) => `    ${line}\n`).join("")}    return tf.keras.Model(inputs, x)
`;
}

const BAD = model(CONV, STACKED);
const LINE = 7;

/** How many servers this extension host has started and not ended. */
function servers() {
  const children = execFileSync("ps", ["--ppid", String(process.pid), "-o", "args"]).toString();
  return children.match(/qlsp server --stdio/g)?.length ?? 0;
}

async function information() {
  await vscode.commands.executeCommand("qlsp.showServerInfo");
  const text = vscode.window.activeTextEditor.document.getText();
  await close();
  return text;
}

/** Wait until the server runs that was found through `origin`. */
async function foundThrough(origin) {
  let text;
  await until(`qlsp from ${origin}, not:\n${text}`, async () => {
    text = await information();
    return text.includes(`- found through: ${origin}`) && text.includes("- running: true");
  });
}

module.exports = {
  async "a finding stands where it is in UTF-16"() {
    const document = await open("net.py", BAD);
    const [diagnostic] = await reported(document, "QL104");
    assert.equal(document.getText(diagnostic.range), "layers.ReLU(6.0)(x)".slice(0, -3));
    assert.equal(diagnostic.severity, vscode.DiagnosticSeverity.Warning);
    assert.equal(document.getText(diagnostic.relatedInformation[0].location.range), CONV.slice(4, -3));
    assert.ok(diagnostic.code.target.path.endsWith("QL104.md"));
  },

  async "a quick fix changes the text"() {
    const document = await open("net.py", BAD);
    const [diagnostic] = await reported(document, "QL104");
    const offered = await actions(document, diagnostic.range, "quickfix");
    assert.deepEqual(
      offered.map((each) => [each.title, each.isPreferred ?? false]),
      [
        ["Remove activation= from Conv2D", true],
        ["Ignore QL104 (stacked-activations) on this line", false],
      ],
    );
    assert.ok(await vscode.workspace.applyEdit(offered[0].edit));
    assert.equal(document.getText(), model(MENDED, STACKED));
    await reported(document);
  },

  async "the command applies the safe fixes only"() {
    const document = await open("net.py", model(CONV, STACKED, CONV, AFTER));
    await reported(document, "QL101", "QL104");
    await vscode.commands.executeCommand("qlsp.fixAll");
    await reported(document, "QL101");
    assert.equal(document.getText(), model(MENDED, STACKED, CONV, AFTER));
  },

  async "safe fixes can be applied on saving"() {
    const settings = vscode.workspace.getConfiguration("editor");
    await settings.update("codeActionsOnSave", { "source.fixAll.qlsp": "explicit" });
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    await edit(document, new vscode.Range(0, 0, 0, 0), "# new\n");
    await document.save();
    assert.equal(await read("net.py"), `# new\n${model(MENDED, STACKED)}`);
    await settings.update("codeActionsOnSave", undefined);
  },

  async "half-typed code keeps its findings"() {
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    await edit(document, new vscode.Range(6, 0, 6, 0), "    y = (\n");
    const both = await reported(document, "QL104", "syntax-error");
    assert.deepEqual(both.map((each) => each.range.start.line).includes(LINE + 1), true);
    await edit(document, new vscode.Range(6, 0, 7, 0), "");
    await reported(document, "QL104");
  },

  async "hover explains the rule"() {
    const document = await open("net.py", BAD);
    const [diagnostic] = await reported(document, "QL104");
    const hovers = await vscode.commands.executeCommand(
      "vscode.executeHoverProvider",
      document.uri,
      diagnostic.range.start,
    );
    assert.match(hovers.flatMap((each) => each.contents).map((each) => each.value).join(), /What it does/);
  },

  async "hints tell what each layer becomes"() {
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    const hints = await vscode.commands.executeCommand(
      "vscode.executeInlayHintProvider",
      document.uri,
      new vscode.Range(0, 0, document.lineCount, 0),
    );
    assert.deepEqual(
      hints.map((hint) => [hint.position.line, hint.label]),
      [
        [LINE - 1, "CONV_2D+RELU · int8"],
        [LINE, "RELU6 · int8, avoidable"],
      ],
    );
  },

  async "a lens offers to verify the builder"() {
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    const lenses = await vscode.commands.executeCommand(
      "vscode.executeCodeLensProvider",
      document.uri,
      100,
    );
    assert.deepEqual(
      lenses.map((lens) => [lens.range.start.line, lens.command.title, lens.command.command]),
      [[4, "Verify conversion", "qlsp.verify"]],
    );
  },

  async "documents that were never saved are analysed"() {
    const document = await vscode.workspace.openTextDocument({ language: "python", content: BAD });
    await vscode.window.showTextDocument(document);
    await reported(document, "QL104");
  },

  async "findings go when the document closes"() {
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    await close();
    await until("nothing left", () => found(document).length === 0);
  },

  async "the project's settings are watched"() {
    const settings = await read("pyproject.toml");
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    await write("pyproject.toml", `${settings}ignore = ["QL104"]\n`);
    await reported(document);
    await write("pyproject.toml", settings);
    await reported(document, "QL104");
  },

  async "the editor's settings are followed"() {
    const settings = vscode.workspace.getConfiguration("qlsp");
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    await settings.update("ignore", ["QL104"]);
    await reported(document);
    await settings.update("ignore", undefined);
    await reported(document, "QL104");
  },

  async "many restarts at once leave one server"() {
    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    await Promise.all([1, 2, 3, 4].map(() => vscode.commands.executeCommand("qlsp.restart")));
    await reported(document, "QL104");
    assert.equal(servers(), 1);
  },

  async "qlsp is looked for in the documented order"() {
    const settings = vscode.workspace.getConfiguration("qlsp");
    const qlsp = execFileSync("which", ["qlsp"]).toString().trim();
    const python = path.join(path.dirname(qlsp), "python");
    await foundThrough("PATH");

    const bin = path.join(file(".venv").fsPath, "bin");
    fs.mkdirSync(bin, { recursive: true });
    const wrapper = `#!/bin/sh\nexec ${python} "$@"\n`;
    fs.writeFileSync(path.join(bin, "python"), wrapper, { mode: 0o755 });
    await vscode.commands.executeCommand("qlsp.restart");
    await foundThrough("the workspace folder ");

    await settings.update("interpreter", "${workspaceFolder}/.venv/bin/python");
    await foundThrough("the setting qlsp.interpreter");

    await settings.update("path", ["/no/such/file", "/bin/false", "/bin/ls", qlsp]);
    await foundThrough("the setting qlsp.path");

    const document = await open("net.py", BAD);
    await reported(document, "QL104");
    assert.equal(servers(), 1);

    await settings.update("path", undefined);
    await settings.update("interpreter", undefined);
    fs.rmSync(file(".venv").fsPath, { recursive: true });
    await vscode.commands.executeCommand("qlsp.restart");
    await foundThrough("PATH");
  },

  async "server information names the server"() {
    const text = await information();
    assert.match(text, /^- server: \d+\.\d+/m);
    assert.match(text, /^- running: true$/m);
    assert.match(text, /^- workspace trusted: true$/m);
  },
};
