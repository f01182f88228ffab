// Runs every case in the extension host, one after the other, and logs the results as JSON.
const vscode = require("vscode");

const cases = require("./cases");
const { close } = require("./editor");

exports.run = async () => {
  const results = {};
  for (const [name, test] of Object.entries(cases)) {
    try {
      await test();
      results[name] = "ok";
    } catch (error) {
      results[name] = error.stack;
    }
    while (vscode.window.activeTextEditor) {
      await close();
    }
  }
  console.log(`RESULT ${JSON.stringify(results)}`);
};
