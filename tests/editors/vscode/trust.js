// Opens a folder, which VS Code does not trust at first, then trusts it: trust.js URL MARKER
// MARKER is a file that the workspace's own `qlsp.path` makes when it is run.
const fs = require("node:fs");
const { withPage } = require("./browser");

const [url, marker] = process.argv.slice(2);

withPage(async (page) => {
  const squiggle = ".editor-instance [class*=squiggly-]";
  await page.goto(url);
  await page.waitForSelector(".statusbar-item >> text=Restricted Mode", { timeout: 60_000 });
  await page.waitForSelector(squiggle, { state: "attached", timeout: 60_000 });
  const before = fs.existsSync(marker);

  await page.click(".statusbar-item >> text=Restricted Mode");
  await page.click(".workspace-trust-editor >> text=/^Trust$/");
  for (let tries = 0; !fs.existsSync(marker) && tries < 200; tries++) {
    await page.waitForTimeout(100);
  }
  const after = fs.existsSync(marker);
  await page.keyboard.press("Control+w");
  await page.waitForSelector(squiggle, { state: "attached", timeout: 60_000 });
  await page.keyboard.press("Control+Shift+m");
  const problem = ".markers-panel .monaco-list-row .marker-message-details-container";
  await page.waitForSelector(problem);
  await page.waitForTimeout(2000); // for a second server's doubles to show up
  const problems = await page.$$eval(problem, (rows) => rows.map((row) => row.textContent));
  console.log(JSON.stringify({ before, after, problems }));
}).then(() => process.exit());
