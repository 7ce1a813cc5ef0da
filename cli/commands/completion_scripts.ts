/**
 * The scripts of `pfw completion`. They know no words: each asks pfw itself, so what they offer is
 * what this version understands. None of them evaluates what pfw says.
 */

/** The shells that there is a script for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of them. */
export type Shell = typeof SHELLS[number];

/** The hidden command that completes. */
export const COMPLETE = "__complete";

/** The script for a shell. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/**
 * Readline breaks words at `:` and `=`, also within IPv6 addresses: words are put together again,
 * and what stands before the last break is taken off what is offered.
 */
const BASH = `# bash completion for pfw, made by \`pfw completion bash\`.
_pfw() {
  COMPREPLY=()
  local at word rest=\${COMP_LINE:0:COMP_POINT} joined
  local -a words=()
  for ((at = 0; at <= COMP_CWORD; at++)); do
    # As in the line: a part that no blank stands before belongs to the word before it.
    [[ $at -gt 0 && \${rest:0:1} != [[:blank:]] ]] && joined=yes || joined=
    while [[ $rest == [[:blank:]]* ]]; do rest=\${rest:1}; done
    # Of the last word only what stands before the cursor.
    if ((at == COMP_CWORD)); then word=$rest; else word=\${COMP_WORDS[at]}; fi
    if [[ $joined ]]; then words[\${#words[@]}-1]+=$word; else words+=("$word"); fi
    rest=\${rest#*"$word"}
  done
  local last=$((\${#words[@]} - 1)) quote=
  local typed=\${words[last]}
  for ((at = 1; at <= last; at++)); do
    word=\${words[at]}
    case $word in
      [\\"\\']*)
        ((at == last)) && quote=yes
        word=\${word#[\\"\\']}
        words[at]=\${word%[\\"\\']}
        ;;
      *) words[at]=\${word//\\\\/} ;;
    esac
  done
  local -a lines=()
  mapfile -t lines < <(command "\${words[0]/#~/$HOME}" ${COMPLETE} -- "\${words[@]:1}" 2>/dev/null </dev/null)
  # What readline holds to be words of their own is not offered again.
  local break before=
  for break in : =; do
    [[ $COMP_WORDBREAKS == *$break* && $typed == *$break* && ! $quote ]] || continue
    word=\${typed%"$break"*}$break
    ((\${#word} > \${#before})) && before=$word
  done
  local text
  for ((at = 1; at < \${#lines[@]}; at++)); do
    word=\${lines[at]%%$'\\t'*} text=\${lines[at]#"$word"}
    [[ $quote ]] || printf -v word %q "$word"
    word=\${word#"$before"}
    # Meanings only where readline lists (63: ?, 33: !); elsewhere they would get into the line.
    if [[ $text && \${#lines[@]} -gt 2 && $COMP_TYPE == @(63|33) ]]; then
      word="$word  (\${text#?})"
    fi
    COMPREPLY+=("$word")
  done
  local kind=
  case \${lines[0]-} in files) kind=-f ;; directories) kind=-d ;; esac
  if [[ $kind ]]; then
    compopt -o filenames 2>/dev/null
    word=\${words[last]}
    [[ $typed != -*=* ]] || word=\${word#*=}
    mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen $kind -- "$word")
  fi
}
complete -F _pfw pfw
`;

const ZSH = `#compdef pfw
# zsh completion for pfw, made by \`pfw completion zsh\`.
_pfw() {
  local -a lines described
  local line value kind
  # Up to the cursor only, without the quotes that the line has.
  lines=("\${(@f)$(command \${~\${(Q)words[1]}} ${COMPLETE} -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  kind=\${lines[1]:-none}
  for line in "\${(@)lines[2,-1]}"; do
    value=\${line%%$'\\t'*}
    # A colon would end the word and begin its meaning.
    if [[ $line == *$'\\t'* ]]; then
      described+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
    else
      described+=("\${value//:/\\\\:}")
    fi
  done
  case $kind in
    files) _files ;;
    directories) _files -/ ;;
  esac
  (( \${#described} )) && _describe -V pfw described
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then
  _pfw "$@"
else
  compdef _pfw pfw
fi
`;

const FISH = `# fish completion for pfw, made by \`pfw completion fish\`.
function __pfw_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape --style=script 2>/dev/null; or commandline -ct)
    set -l lines (command $words[1] ${COMPLETE} -- $words[2..-1] "$current" 2>/dev/null </dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case directories
            __fish_complete_directories "$current"
    end
    test (count $lines) -gt 1; and printf '%s\\n' $lines[2..-1]
end
complete --command pfw --no-files --keep-order --arguments '(__pfw_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
