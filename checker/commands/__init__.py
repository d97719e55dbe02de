"""The commands, one a file: options → Settings → what the command does → a report, or nothing. `cli` names them all."""
