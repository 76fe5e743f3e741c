# Ends what tests leave behind. POSIX shell, embedded by keeper.rs.
#
#   keeper watch DIR GRACE CURRENT   ends the servers in DIR when no process named in DIR/users has lived for GRACE seconds;
#                                    CURRENT is the file that leads new processes to DIR, or empty
#   keeper end DIR                   ends them now
#
# In DIR: users/<pid>, pg/<cluster>/postmaster.pid of servers on this machine, `container` with the id of a container.

verb=$1
dir=$2

# Does the process belong to a server in this directory? Its number may have been given to another process meanwhile.
is_ours() {
    if [ -r "/proc/$1/cmdline" ]; then
        tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF "$dir/"
    else
        ps -p "$1" -o args= 2>/dev/null | grep -qF "$dir/"
    fi
}

end_server() {
    pid=$(sed -n 1p "$1")
    memory=$(sed -n 7p "$1" | awk '{ print $2 }')
    if [ -n "$pid" ] && is_ours "$pid"; then
        # Immediate: nothing is kept, so nothing has to be written. Stopped processes are woken to hear it.
        kill -QUIT "$pid" 2>/dev/null
        kill -CONT "$pid" 2>/dev/null
        tries=0
        while is_ours "$pid" && [ "$tries" -lt 100 ]; do
            sleep 0.05
            tries=$((tries + 1))
        done
        kill -9 "$pid" 2>/dev/null
    fi
    # What a killed server could not give back.
    [ -n "$memory" ] && ipcrm -m "$memory" 2>/dev/null
}

end_container() {
    id=$(cat "$dir/container")
    if command -v docker >/dev/null 2>&1; then
        docker rm --force --volumes "$id" >/dev/null 2>&1
    elif command -v curl >/dev/null 2>&1; then
        case "${DOCKER_HOST:-unix:///var/run/docker.sock}" in
            unix://*)
                socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
                curl -s -X DELETE --unix-socket "${socket#unix://}" "http://docker/containers/$id?force=1&v=1" >/dev/null 2>&1
                ;;
            tcp://*) curl -s -X DELETE "http://${DOCKER_HOST#tcp://}/containers/$id?force=1&v=1" >/dev/null 2>&1 ;;
        esac
    fi
}

end_all() {
    for file in "$dir"/pg/*/postmaster.pid; do
        [ -f "$file" ] && end_server "$file"
    done
    [ -f "$dir/container" ] && end_container
    rm -rf "$dir"
}

# A process that is dead and not yet taken leave of does not live.
lives() {
    if [ -r /proc/self/stat ]; then
        { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
        set -- ${line##*) }
        [ "$1" != Z ]
    else
        kill -0 "$1" 2>/dev/null
    fi
}

somebody_lives() {
    somebody=1
    for user in "$dir"/users/*; do
        if lives "${user##*/}"; then
            somebody=0
        else
            rm -f "$user"
        fi
    done
    return $somebody
}

watch() {
    trap '' HUP INT QUIT TERM
    echo $$ >"$dir/keeper.pid"
    idle=0
    while [ -d "$dir/users" ]; do
        if somebody_lives; then
            idle=0
        elif [ "$idle" -lt "$1" ]; then
            idle=$((idle + 1))
        else
            # First nobody new is led here, then a last look: a process that came in between is served to its end,
            # because it looks for the sign after it has put its name down.
            if [ -n "$2" ] && [ "$(cat "$2" 2>/dev/null)" = "$dir" ]; then
                rm -f "$2"
            fi
            somebody_lives || end_all
        fi
        sleep 1
    done
}

case "$verb" in
    watch) watch "$3" "$4" ;;
    end) end_all ;;
esac
