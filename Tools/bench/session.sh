# What the timing scripts of this folder share: the Python, a folder for the numbers, the machine, stolen time.
# Source it after lib/shell.sh; it runs nothing by itself.

# begin_session KEEP COMMAND_LINE: sets `python` and `folder`, and writes FOLDER/machine.json. With KEEP empty the folder
# goes when the script ends.
begin_session() {
  python=${PYTHON:-}
  if [[ -z $python ]]; then
    local environment
    environment=${INTEROP_VENV_A:-$(make_venv venv-a "$ROOT/Tools/requirements/a.txt")}
    python=$environment/bin/python
  fi
  folder=${1:-$(mktemp -d)}
  mkdir -p "$folder"
  [[ $1 ]] || trap 'rm -rf "$folder"' EXIT
  "$python" - "$folder/machine.json" "$(processor)" "$2" \
    "$(git -C "$ROOT" describe --always --dirty --exclude '*' 2> /dev/null || echo none)" << 'END'
import json, os, platform, sys
path, cpu, command, commit = sys.argv[1:]
json.dump(dict(cpu=cpu, cores=os.cpu_count(), system=platform.platform(), load="%.2f" % os.getloadavg()[0],
               command=command.strip(), commit=commit), open(path, "w"))
END
}

# touch_memory GB: touches memory once and gives it back; without a number half of what is free, at most 20 GB.
touch_memory() {
  "$python" - "$1" << 'END'
import mmap, os, sys
pages = os.sysconf("SC_AVPHYS_PAGES") if "SC_AVPHYS_PAGES" in os.sysconf_names else 0
size = int(float(sys.argv[1]) * 1e9) if sys.argv[1] else min(int(0.5 * pages * mmap.PAGESIZE), 20_000_000_000)
if size > 0:
    memory = mmap.mmap(-1, size)
    for offset in range(0, size, mmap.PAGESIZE):
        memory[offset] = 1
END
}

steal() { awk '/^cpu / { print $9 / '"$(getconf CLK_TCK)"' }' /proc/stat 2> /dev/null || echo 0; }

# timed FILE COMMAND…: the command's JSON object with the stolen seconds added.
timed() {
  local file=$1 before after
  shift
  before=$(steal)
  "$@" > "$file" || die "failed: $*"
  after=$(steal)
  "$python" - "$file" "$before" "$after" << 'END'
import json, sys
path, before, after = sys.argv[1:]
with open(path) as file:
    result = json.load(file)
result["steal_seconds"] = float(after) - float(before)
with open(path, "w") as file:
    json.dump(result, file)
END
}
