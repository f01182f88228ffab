// A person's way to a quick fix: quick_fix.js URL LINE:COLUMN TITLE
// Sees the squiggle, opens the menu at the place, picks the action, saves.
const { withPage } = require("./browser");

const [url, place, title] = process.argv.slice(2);

withPage(async (page) => {
  await page.goto(url);
  await page.waitForSelector(".editor-instance .monaco-editor .view-line", { timeout: 60_000 });
  const squiggle = ".editor-instance [class*=squiggly-]";
  await page.waitForSelector(squiggle, { state: "attached", timeout: 60_000 });
  const squiggles = await page.$$eval(squiggle, (found) => found.map((each) => each.className));

  await page.click(".editor-instance .monaco-editor .view-lines");
  await page.keyboard.press("Control+g");
  await page.waitForSelector(".quick-input-widget input");
  await page.keyboard.type(`:${place}`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".quick-input-widget", { state: "hidden" });

  // The key can be lost while the workbench still starts.
  const row = ".action-widget .monaco-list-row.action";
  for (let tries = 0; !(await page.isVisible(row)); tries++) {
    if (tries > 40) {
      throw new Error("no quick fix menu");
    }
    await page.keyboard.press("Control+.");
    await page.waitForSelector(row, { timeout: 1000 }).catch(() => {});
  }
  const titles = await page.$$eval(row, (rows) => rows.map((each) => each.textContent.trim()));
  if (process.env.QLSP_PICTURE) {
    await page.screenshot({ path: process.env.QLSP_PICTURE });
  }
  const index = titles.findIndex((each) => each.startsWith(title));
  if (index < 0) {
    throw new Error(`no action ${title} in ${JSON.stringify(titles)}`);
  }
  for (let step = 0; step < index; step++) {
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector(row, { state: "hidden" });
  await page.waitForSelector(".tab.dirty", { timeout: 15_000 });
  await page.keyboard.press("Control+s");
  await page.waitForSelector(".tab:not(.dirty)", { timeout: 15_000 });
  console.log(JSON.stringify({ titles, squiggles }));
}).then(() => process.exit());
