import * as vscode from "vscode";

/** The entry in the language status of Python files. */
export class Status implements vscode.Disposable {
  private readonly item = vscode.languages.createLanguageStatusItem("qlsp", {
    language: "python",
  });

  constructor() {
    this.item.name = "qlsp";
    this.item.command = { command: "qlsp.showLog", title: "Show Log" };
  }

  starting(): void {
    this.show("qlsp", "starting", vscode.LanguageStatusSeverity.Information);
    this.item.busy = true;
  }

  running(version: string): void {
    this.show(`qlsp ${version}`, "running", vscode.LanguageStatusSeverity.Information);
  }

  failed(reason: string): void {
    this.show("qlsp", reason, vscode.LanguageStatusSeverity.Error);
  }

  dispose(): void {
    this.item.dispose();
  }

  private show(text: string, detail: string, severity: vscode.LanguageStatusSeverity): void {
    this.item.busy = false;
    this.item.text = text;
    this.item.detail = detail;
    this.item.severity = severity;
  }
}
