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
		"kubectl|-n|prod|{id}": true, "kubectl|-n|prod|get|{id}": false, "kubectl|--namespace=prod|get|{id}": false, "docker|--context|x|{id}": true, "helm|--kube-context|x|{id}": true,
		"go|-C|/srv|{id}": true, "cargo|+nightly|{id}": true, "cargo|+nightly|test|{id}": false, "git|-c|-C|{any}": true, "git|-c|x=y|log|{any}": false,
		"mvn|-f|pom.xml|{id}": true, "mvn|clean|{id}": true, "gradle|a|b|c|d|e|f|g|h|i|j|{id}": true, "ant|x|{id}": true, "rake|x|{id}": true, "rails|x|{id}": true, "mvn|clean": false,
		"pnpm|--filter|web|{id}": true, "pnpm|-w|{id}": true, "yarn|workspace|web|{id}": true, "yarn|workspace|{id}|build": true, "yarn|workspace|web|run|{id}": true, "yarn|workspace|web|build|{id}": false,
		"yarn|workspaces|foreach|-A|run|{id}": true, "npx|-y|pkg|{id}": false, "npx|-y|{id}": true, "kotlin|-classpath|x|{path}": true, "sbcl|--script|/srv/a.lisp|{id}": false, "octave|--quiet|/srv/a.m|{path}": false,
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
		"runcon|x|{id}": 3, "runcon|-t|x|{id}": 4, "runcon|-c|{id}": 3, "runcon|--type=x|{id}": 3, "faketime|2020-01-01|{id}": 3, "catchsegv|{id}": 2, "pipenv|run|{id}": 3, "bundle|exec|{id}|x": 3, "hatch|run|{id}": 3,
	} {
		if got := launch.Head(strings.Split(command, "|")); got != head {
			t.Errorf("%s: the program is word %d, not %d", command, got, head)
		}
	}
	for _, command := range []string{"sort|-S|1k|--compress-program=x|y", "sort|--co|x", "tcpdump|-w|x|-z|{any}", "tcpdump|-Gz|x", "i386|id", "/usr/bin/x86_64|id", "ip|netns|exec|x|id", "ip|vrf|exec|x|id", "ip|-batch|x", "runcon|-t|httpd_t|xargs|/srv/x", "runcon|-c|xargs|/srv/x", "runcon|x|xargs|/srv/x"} {
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
