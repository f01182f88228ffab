-- Opens a file, waits for findings, takes a code action and saves. Reads $QLSP_CASE, a JSON object:
--   command: how to start the server; file: what to open; line: where the finding is (from 1)
--   action: what the title of the code action begins with
-- Prints what it saw as a JSON object.
local case = vim.fn.json_decode(os.getenv("QLSP_CASE"))
local seen = { titles = {}, diagnostics = {} }

local function finish(code)
  io.stdout:write(vim.fn.json_encode(seen) .. "\n")
  vim.cmd(code == 0 and "qall!" or "cquit!")
end

local function await(what, condition)
  if not vim.wait(20000, condition, 20) then
    seen.failure = "waited in vain for " .. what
    finish(1)
  end
end

vim.cmd("edit " .. vim.fn.fnameescape(case.file))
vim.bo.filetype = "python"
local client = vim.lsp.start_client({
  name = "qlsp",
  cmd = case.command,
  root_dir = vim.fn.fnamemodify(case.file, ":h"),
})
vim.lsp.buf_attach_client(0, client)
await("diagnostics", function() return #vim.diagnostic.get(0) > 0 end)
for _, found in ipairs(vim.diagnostic.get(0)) do
  table.insert(seen.diagnostics, { code = found.code, lnum = found.lnum, col = found.col, end_col = found.end_col })
end

vim.ui.select = function(items, _, choose)
  for _, item in ipairs(items) do
    table.insert(seen.titles, item[2].title)
  end
  for _, item in ipairs(items) do
    if vim.startswith(item[2].title, case.action) then
      choose(item)
      return
    end
  end
  choose(nil)
end
local before = vim.api.nvim_buf_get_changedtick(0)
vim.api.nvim_win_set_cursor(0, { case.line, 0 })
vim.lsp.buf.code_action()
await("the edit", function() return vim.api.nvim_buf_get_changedtick(0) > before end)
vim.cmd("write")
vim.lsp.get_client_by_id(client).stop()
await("the server's end", function() return vim.lsp.client_is_stopped(client) end)
finish(0)
