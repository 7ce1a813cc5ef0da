/** The dialog that names what a change would cut off, and offers to try it. */
import { Dialog } from "../parts/dialog.tsx";
import { Icon } from "../parts/icon.tsx";
import { Foreign } from "../parts/text.tsx";
import { openQuestion } from "./cut_question.ts";
import { TRIAL } from "./change.ts";

/** Open while there is a question. */
export function CutDialog() {
  const question = openQuestion.value;
  if (!question) return null;
  const { text, cuts, hasTrial, answer } = question;
  return (
    <Dialog title="This would cut you off" isAlert onClose={() => answer("cancel")}>
      <div class="form">
        <p class="cut-warning">
          <Icon name="warn" />
          <Foreign text={text} />
        </p>
        {cuts.length > 0 && (
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Cut off</th>
                <th scope="col">By</th>
              </tr>
            </thead>
            <tbody>
              {cuts.map(({ lifeline, by }, at) => (
                <tr key={at}>
                  <td>
                    <Foreign text={lifeline} />
                  </td>
                  <td>
                    <Foreign text={by} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {hasTrial && (
          <p>
            Tried for {TRIAL}{" "}
            seconds, it returns by itself unless you press “Keep” on this page. If you are cut off,
            you only have to wait.
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => answer("cancel")}>Cancel</button>
          <button type="button" class="danger" onClick={() => answer("force")}>Do it</button>
          {hasTrial && (
            <button
              type="button"
              class="primary"
              autofocus
              onClick={() => answer("trial")}
            >
              Do it for {TRIAL} s unless I keep it
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
