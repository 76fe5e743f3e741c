# Kills the server in $DATA with all of its processes, and returns when they are gone. Part of a script of the shell.

server=$(sed -n 1p "$DATA/postmaster.pid") || exit 1

# The server's processes. A container may have no `ps`, macOS has no /proc.
children() {
    if [ -r /proc/self/stat ]; then
        for stat in /proc/[0-9]*/stat; do
            { read -r line <"$stat"; } 2>/dev/null || continue
            # After the name in parentheses: the state, the parent.
            set -- ${line##*) }
            if [ "$2" = "$server" ]; then
                number=${stat#/proc/}
                echo "${number%/stat}"
            fi
        done
    else
        ps -axo pid=,ppid= | awk -v parent="$server" '$2 == parent { print $1 }'
    fi
}

# One that is dead and not yet taken leave of is gone, too.
is_there() {
    if [ -r /proc/self/stat ]; then
        { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
        set -- ${line##*) }
        [ "$1" != Z ]
    else
        kill -0 "$1" 2>/dev/null
    fi
}

# Stopped first: it must neither start a process in between nor clean up after one.
kill -STOP "$server" || exit 1
all="$server $(children)"
kill -9 $all 2>/dev/null
for number in $all; do
    tries=0
    while is_there "$number"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 1000 ]; then
            echo "process $number does not die" >&2
            exit 1
        fi
        sleep 0.02
    done
done

# Where the first process takes no leave of the dead (a container without an init), the killed server looks alive to the
# next one, which would refuse to start.
if [ -d "/proc/$server" ]; then
    sleep 0.2
fi
if [ -d "/proc/$server" ]; then
    memory=$(sed -n 7p "$DATA/postmaster.pid" | awk '{ print $2 }')
    [ -n "$memory" ] && ipcrm -m "$memory" 2>/dev/null
    port=$(sed -n 4p "$DATA/postmaster.pid")
    sockets=$(sed -n 5p "$DATA/postmaster.pid")
    rm -f "$sockets/.s.PGSQL.$port" "$sockets/.s.PGSQL.$port.lock" "$DATA/postmaster.pid"
fi
exit 0
