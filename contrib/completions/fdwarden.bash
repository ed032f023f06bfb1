# bash completion for fdwarden(8), made by `fdwarden completion bash`

# Without anything that is special to a shell: a process chooses its name.
_fdwarden_processes() {
	local file name
	local -A seen=()
	for file in /proc/[0-9]*/comm; do
		{ IFS= read -r name <"$file"; } 2>/dev/null || continue
		[[ $name =~ ^[A-Za-z0-9_.][A-Za-z0-9_.+@-]*$ && $name == "$1"* ]] || continue
		[[ -n ${seen[$name]-} ]] || COMPREPLY+=("$name")
		seen[$name]=yes
	done
}

_fdwarden_words() {
	local word
	for word in $2; do
		[[ $word != "$1"* ]] || COMPREPLY+=("$word")
	done
}

_fdwarden() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	COMPREPLY=()
	# --option=value is three words to bash.
	if [[ $cur == '=' ]]; then
		cur=
	elif [[ $prev == '=' ]]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	if ((COMP_CWORD == 1)); then
		_fdwarden_words "$cur" 'daemon ps top inspect events incidents report replay status check trace raise check-config features completion help --help --version'
		return
	fi
	case ${COMP_WORDS[1]}:$prev in
	daemon:-c | daemon:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	daemon:-o | daemon:--option)
		return
		;;
	ps:-s | ps:--sort)
		_fdwarden_words "$cur" 'usage used count limit soft hard growth full opened closed refused pid user name service command'
		return
		;;
	ps:-c | ps:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	ps:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	top:-d | top:--delay)
		return
		;;
	top:-n | top:--number)
		return
		;;
	top:-s | top:--sort)
		_fdwarden_words "$cur" 'usage used count limit soft hard growth full opened closed refused pid user name service command'
		return
		;;
	top:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	top:-c | top:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	inspect:-c | inspect:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	inspect:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	events:--since)
		return
		;;
	events:--service)
		return
		;;
	events:--level)
		_fdwarden_words "$cur" 'info warning critical exhausted'
		return
		;;
	events:-c | events:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	events:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	incidents:--since)
		return
		;;
	incidents:--service)
		return
		;;
	incidents:-c | incidents:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	incidents:--directory)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	report:--html)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	report:-c | report:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	report:--directory)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	replay:-o | replay:--option)
		return
		;;
	replay:-c | replay:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	replay:--directory)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	status:-c | status:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	status:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	check:-w | check:--warn)
		return
		;;
	check:--critical)
		return
		;;
	check:-c)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	check:-t | check:--timeout)
		return
		;;
	check:--service)
		return
		;;
	check:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	check:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	trace:-d | trace:--duration)
		return
		;;
	trace:--stack)
		return
		;;
	trace:-c | trace:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	trace:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	raise:--soft)
		return
		;;
	raise:-c | raise:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	raise:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	check-config:-c | check-config:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	check-config:-o | check-config:--option)
		return
		;;
	features:-c | features:--config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	features:--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	case ${COMP_WORDS[1]}:$cur in
	daemon:-*) _fdwarden_words "$cur" ' -c --config -o --option -v --verbose -h --help -V --version' ;;
	ps:-*) _fdwarden_words "$cur" ' --json -s --sort --own-look --watch -c --config --socket -h --help -V --version' ;;
	ps:*) _fdwarden_processes "$cur" ;;
	top:-*) _fdwarden_words "$cur" ' -d --delay -n --number -b --batch --json -s --sort --socket -c --config -h --help -V --version' ;;
	inspect:-*) _fdwarden_words "$cur" ' --json --descriptors -c --config --socket -h --help -V --version' ;;
	inspect:*) _fdwarden_processes "$cur" ;;
	events:-*) _fdwarden_words "$cur" ' -f --follow --json --since --service --level -c --config --socket -h --help -V --version' ;;
	events:*) _fdwarden_processes "$cur" ;;
	incidents:-*) _fdwarden_words "$cur" ' --since --service --json -c --config --directory -h --help -V --version' ;;
	report:-*) _fdwarden_words "$cur" ' --json --markdown --html -c --config --directory -h --help -V --version' ;;
	replay:-*) _fdwarden_words "$cur" ' -o --option --json -c --config --directory -h --help -V --version' ;;
	status:-*) _fdwarden_words "$cur" ' --json -c --config --socket -h --help -V --version' ;;
	check:-*) _fdwarden_words "$cur" ' -w --warn --critical -c -t --timeout --service --config --socket -h --help -V --version' ;;
	check:*) _fdwarden_processes "$cur" ;;
	trace:-*) _fdwarden_words "$cur" ' -d --duration --json --folded --stack -c --config --socket -h --help -V --version' ;;
	trace:*) _fdwarden_processes "$cur" ;;
	raise:-*) _fdwarden_words "$cur" ' --soft --json -c --config --socket -h --help -V --version' ;;
	raise:*) _fdwarden_processes "$cur" ;;
	check-config:-*) _fdwarden_words "$cur" ' -c --config -o --option -h --help -V --version' ;;
	features:-*) _fdwarden_words "$cur" ' -c --config --socket -h --help -V --version' ;;
	completion:-*) _fdwarden_words "$cur" ' -h --help -V --version' ;;
	completion:*) _fdwarden_words "$cur" 'bash zsh fish' ;;
	help:*) _fdwarden_words "$cur" 'daemon ps top inspect events incidents report replay status check trace raise check-config features completion help' ;;
	esac
}

complete -F _fdwarden fdwarden
