import * as os from "node:os";
import * as vscode from "vscode";

/** Settings that only take effect when the server is started. */
const START = ["qlsp.path", "qlsp.interpreter", "qlsp.logLevel"];

export function affectsStart(event: vscode.ConfigurationChangeEvent): boolean {
  return START.some((name) => event.affectsConfiguration(name));
}

export interface StartSettings {
  path: string[];
  interpreter: string;
  logLevel: string;
}

/** Values of an untrusted workspace are left out by VS Code (`restrictedConfigurations`). */
export function startSettings(folder: vscode.WorkspaceFolder | undefined): StartSettings {
  const settings = vscode.workspace.getConfiguration("qlsp", folder);
  return {
    path: settings.get<string[]>("path", []).map((path) => substitute(path, folder)),
    interpreter: substitute(settings.get<string>("interpreter", ""), folder),
    logLevel: settings.get<string>("logLevel", "warning"),
  };
}

/** Replace `${workspaceFolder}`, `${userHome}` and `${env:NAME}`; a leading `~` is the home. */
export function substitute(text: string, folder: vscode.WorkspaceFolder | undefined): string {
  return text
    .replaceAll("${workspaceFolder}", folder?.uri.fsPath ?? "")
    .replaceAll("${userHome}", os.homedir())
    .replace(/^~(?=$|[\\/])/, os.homedir())
    .replace(/\$\{env:(\w+)\}/g, (_, name: string) => process.env[name] ?? "");
}
