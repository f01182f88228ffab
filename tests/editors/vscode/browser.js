// A headless Chromium with one page.
const { chromium } = require("playwright-core");

/** Calls `use(page)`; on failure a screenshot is left beside what the page logged. */
async function withPage(use) {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const logged = [];
  page.on("console", (message) => logged.push(message.text()));
  try {
    return await use(page);
  } catch (error) {
    const picture = `${process.env.NODE_PATH}/../failure.png`;
    await page.screenshot({ path: picture }).catch(() => {});
    console.error(`${error.stack}\n--- page (${picture}):\n${logged.slice(-40).join("\n")}`);
    process.exitCode = 1;
    return undefined;
  } finally {
    await browser.close();
  }
}

module.exports = { withPage };
