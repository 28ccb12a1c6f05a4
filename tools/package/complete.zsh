# What zsh offers when somebody types the argument and a tab: complete.zsh LINE
zmodload zsh/zpty
zpty shell "zsh -f -i"
zpty -w shell "PS1=; autoload -U compinit; compinit -u -D; unsetopt zle_bracketed_paste; print REA''DY"
zpty -r shell out '*READY*'
zpty -w -n shell "$1"$'\t\t'
zpty -w shell "; print DO''NE"
zpty -r shell out '*DONE*'
print -r -- "$out"
zpty -d shell
