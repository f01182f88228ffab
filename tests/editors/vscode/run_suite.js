// Opens a page whose extension host runs a suite: run_suite.js URL
const { withPage } = require("./browser");

const TIMEOUT = 120_000;

withPage(async (page) => {
  const lines = [];
  const code = await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no end after ${TIMEOUT} ms\n${lines.join("\n")}`)), TIMEOUT);
    Promise.all([
      page.exposeFunction("codeAutomationLog", (_level, args) => lines.push(args.join(" "))),
      page.exposeFunction("codeAutomationExit", resolve),
    ])
      .then(() => page.goto(process.argv[2]))
      .catch(reject);
  });
  const results = lines.filter((line) => line.startsWith("RESULT ")).at(-1);
  if (results === undefined) {
    throw new Error(`the suite said nothing (exit ${code})\n${lines.join("\n")}`);
  }
  console.log(results.slice("RESULT ".length));
}).then(() => process.exit());
