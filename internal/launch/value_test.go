package launch_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/launch"
)

// TestPOL32_Chosen: no value stands where it would say what a program executes.
func TestPOL32_Chosen(t *testing.T) {
	free := func(word string) bool { return strings.Contains(word, "{") }
	for command, refused := range map[string]bool{
		"tar|{any}|{path}|{path}": true, "tar|-x|{any}": false, "tar|-tf|{path}": false, "env|tar|{any}": true, "tar|xf|{path}": false, "tar|-xf|/srv/a.tar|{path}": false, "tar|xf|/srv/a.tar|{path}": false,
		"tclsh|{path}": true, "tclsh8.6|-encoding|utf-8|{path}": true, "tclsh|/srv/a.tcl|{path}": false, "octave|--quiet|{path}": true,
		"sqlite3|-bail|:memory:|{any}": true, "sqlite3|-init|{path}|/srv/a.db": true, "sqlite3|/srv/a.db|select 1": false,
		"git|{any}|{any}": true, "git|-C|/srv|{any}": true, "git|-C|/srv|log|{any}": false, "git|--no-pager|log|--author|{any}": false,
		"npm|run|{id}": true, "npm|--prefix|/srv|run|{id}": true, "npm|run|build|--|{id}": false, "npm|{id}": true, "kubectl|{id}|x": true, "kubectl|get|{id}": false,
		"ip|-n|x|{any}": true, "ip|addr|show|{id}": false, "julia|{path}": true, "wc|-l|{path}": false,
	} {
		if b := launch.Chosen(strings.Split(command, "|"), free); (b != nil) != refused {
			t.Errorf("%s: %v", command, b)
		}
	}
}

// What runs another command is looked behind, or refused.
func TestPOL32_Behind(t *testing.T) {
	for command, head := range map[string]int{
		"dbus-run-session|{id}": 2, "dbus-run-session|--|{id}|x": 3, "xvfb-run|-a|-s|-screen 0|{id}": 5, "torsocks|-a|h|{id}": 4, "numactl|-N|0|{id}|x": 4, "cgexec|-g|cpu:x|{id}": 4,
		"runcon|x|{id}": 3, "faketime|2020-01-01|{id}": 3, "catchsegv|{id}": 2, "pipenv|run|{id}": 3, "bundle|exec|{id}|x": 3, "hatch|run|{id}": 3,
	} {
		if got := launch.Head(strings.Split(command, "|")); got != head {
			t.Errorf("%s: the program is word %d, not %d", command, got, head)
		}
	}
	for _, command := range []string{"sort|-S|1k|--compress-program=x|y", "sort|--co|x", "tcpdump|-w|x|-z|{any}", "tcpdump|-Gz|x", "i386|id", "/usr/bin/x86_64|id", "ip|netns|exec|x|id", "ip|vrf|exec|x|id", "ip|-batch|x"} {
		if all := launch.Words(strings.Split(command, "|")); !slices.Contains(rules(all), launch.Runs) {
			t.Errorf("%s breaks %q", command, rules(all))
		}
	}
	for _, command := range []string{"bundle|exec|srv", "pipenv|run|python|srv.py", "xvfb-run|-a|/srv/server", "numactl|--membind=0|/srv/server", "ip|addr", "sort|-o|x|y", "tcpdump|-i|eth0"} {
		if all := launch.Words(strings.Split(command, "|")); all != nil {
			t.Errorf("%s breaks %v", command, all)
		}
	}
}
