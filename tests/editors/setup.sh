#!/bin/sh
# Install what the editor tests need into .build/editors; does nothing where it is done already.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/editors
build=$root/.build/editors
mkdir -p "$build"

# Debian's packages: the browser, Neovim, and the search tool that VS Code expects.
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v nvim >/dev/null || missing="$missing neovim"
command -v rg >/dev/null || missing="$missing ripgrep"
fc-list 2>/dev/null | grep -q DejaVu || missing="$missing fonts-dejavu-core fontconfig"
if [ -n "$missing" ]; then
  apt-get update -q
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi

# The VS Code server inside code-server; nothing of it is compiled.
stamp=$(cat "$here/package.json" "$here/setup.sh" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$build/stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$build/node_modules"
  cp "$here/package.json" "$here/.npmrc" "$build/"
  (cd "$build" && npm install --no-progress)
  vscode=$build/node_modules/code-server/lib/vscode
  (cd "$vscode" && npm install --omit=dev --ignore-scripts --no-audit --no-fund --no-progress)
  (cd "$vscode/extensions" && npm install --omit=dev --ignore-scripts --no-audit --no-fund --no-progress)
  ln -sfn node_modules "$vscode/node_modules.asar"
  mkdir -p "$vscode/node_modules/@vscode/ripgrep/bin"
  ln -sf "$(command -v rg)" "$vscode/node_modules/@vscode/ripgrep/bin/rg"
  echo "$stamp" >"$build/stamp"
fi

# The extension under test.
client=$root/vscode-client
stamp=$(sha256sum "$client/package.json" | cut -d' ' -f1)
if [ "$(cat "$build/client-stamp" 2>/dev/null)" != "$stamp" ] || [ ! -d "$client/node_modules" ]; then
  (cd "$client" && npm install --no-progress)
  echo "$stamp" >"$build/client-stamp"
fi
(cd "$client" && npm run --silent package -- -o "$build/qlsp.vsix")
