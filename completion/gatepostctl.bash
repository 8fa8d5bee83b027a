# SPDX-License-Identifier: ISC
# bash completion for gatepostctl(1). Lint compares the table with the program's; _gatepostctl, for
# zsh, has the same one.

# -- table
_gatepostctl_commands='allow deny trap greylist status stats sessions kill top tail dns-lists
    reload drain check-config backup explain test lookup replay
    verify spf domain tlsa mta-sts privacy help'
_gatepostctl_common='--config --socket --json --no-color --yes --help --version'
_gatepostctl_valued='-c --config --socket --for --reason --action --format --kind --client --sender
    --recipient --state --helo --from --to --by --most --days --ip --host --selector --mode'

# What may stand behind a command's first word.
_gatepostctl_second() {
    case $1 in
    allow | deny | trap) echo 'add del list show import export' ;;
    greylist) echo 'list show pass del' ;;
    privacy) echo 'forget export' ;;
    help) echo "$_gatepostctl_commands" ;;
    esac
}

# The options of a command, by its words.
_gatepostctl_options() {
    case $1 in
    'allow add' | 'deny add' | 'trap add') echo '--for --reason --action --unproven' ;;
    'allow list' | 'deny list' | 'trap list') echo '--kind' ;;
    'allow import' | 'deny import' | 'trap import')
        echo '--for --reason --action --unproven --format --kind --skip-faults'
        ;;
    'allow export' | 'deny export' | 'trap export') echo '--format' ;;
    greylist\ *) echo '--client --sender --recipient --state' ;;
    top*) echo '--by --most' ;;
    explain*) echo '--from --to --most' ;;
    test*) echo '--client --helo --from --to' ;;
    replay*) echo '--days' ;;
    verify*) echo '--ip --helo --from' ;;
    domain*) echo '--selector' ;;
    tlsa*) echo '--host' ;;
    mta-sts*) echo '--mode' ;;
    esac
}

# The words an option or an operand can be; nothing where it is free.
_gatepostctl_value() {
    case $1 in
    --action) echo 'reject tarpit defer' ;;
    --kind) echo 'client helo reverse sender recipient' ;;
    --format) echo 'native cidr postfix-access postscreen postgrey-clients postgrey-recipients drop' ;;
    --state) echo 'waiting white' ;;
    --for) echo '1h 12h 1d 7d 4w' ;;
    --mode) echo 'testing enforce none' ;;
    esac
}
# -- end

_gatepostctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word skip=
    local -a words=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ -n $skip ]]; then
            skip=
        elif [[ " ${_gatepostctl_valued//[[:space:]]/ } " == *" $word "* ]]; then
            skip=yes
        elif [[ $word != -* ]]; then
            words+=("$word")
        fi
    done
    COMPREPLY=()
    if [[ $prev == -c || $prev == --config || $prev == --socket ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ -n $skip ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_gatepostctl_value "$prev")" -- "$cur")
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_gatepostctl_options "${words[*]:0:2}")
            $_gatepostctl_common" -- "$cur")
    elif ((${#words[@]} == 0)); then
        mapfile -t COMPREPLY < <(compgen -W "$_gatepostctl_commands" -- "$cur")
    elif ((${#words[@]} == 1)) && [[ -n $(_gatepostctl_second "${words[0]}") ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_gatepostctl_second "${words[0]}")" -- "$cur")
    elif [[ ${words[*]} =~ ^((allow|deny|trap)\ import|backup|replay|tlsa)$ ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

complete -o filenames -F _gatepostctl gatepostctl
