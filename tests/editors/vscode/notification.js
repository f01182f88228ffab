// The first error that is shown for a folder: notification.js URL
const { withPage } = require("./browser");

withPage(async (page) => {
  await page.goto(process.argv[2]);
  const error = ".notification-toast:has(.codicon-error)";
  await page.waitForSelector(error, { timeout: 60_000 });
  const text = await page.textContent(`${error} .notification-list-item-message`);
  const buttons = await page.$$eval(`${error} .monaco-button`, (all) => all.map((each) => each.textContent));
  console.log(JSON.stringify({ text, buttons }));
}).then(() => process.exit());
