import * as vscode from "vscode";

import { onDidChangeInterpreter } from "./interpreter";
import { Server } from "./server";
import { affectsStart } from "./settings";
import { Status } from "./status";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("qlsp", { log: true });
  const status = new Status();
  const started = (server = new Server(context, log, status));
  const restart = () => started.restart();

  context.subscriptions.push(
    log,
    status,
    vscode.commands.registerCommand("qlsp.restart", restart),
    vscode.commands.registerCommand("qlsp.showLog", () => log.show()),
    vscode.commands.registerCommand("qlsp.showServerInfo", () => showServerInfo(started)),
    vscode.commands.registerCommand("qlsp.fixAll", () =>
      vscode.commands.executeCommand("editor.action.sourceAction", {
        kind: "source.fixAll.qlsp",
        apply: "first",
      }),
    ),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (affectsStart(event)) {
        void restart();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
  );
  await started.restart();
  context.subscriptions.push(await onDidChangeInterpreter(restart));
}

export function deactivate(): Promise<void> | undefined {
  return server?.stop();
}

async function showServerInfo(server: Server): Promise<void> {
  const document = await vscode.workspace.openTextDocument({
    language: "markdown",
    content: server.info(),
  });
  await vscode.window.showTextDocument(document);
}
