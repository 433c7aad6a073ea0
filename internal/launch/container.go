package launch

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorward/internal/fetched"
)

func containers() []string { return []string{"docker", "podman", "nerdctl"} }

// reach is an option of docker run that gives a container something of this machine
// (docker-run(1), podman-run(1); security cases SBX-23 and SBX-24).
type reach struct {
	names []string
	value *regexp.Regexp // of its values, those that do; nil: all
	what  string
}

// machine are the paths of this machine that no container of a server needs: the root, what
// lies above the directory that the command starts in, the system's, the homes of all, and the
// sockets of those that start containers.
const machine = `(/|\.\.(/.*)?|/(etc|root|home|boot|usr|bin|sbin|lib|lib64|var|run|opt|srv|mnt|media)|/(proc|sys|dev)(/.*)?|/var/(run|lib|lib/docker|lib/containers)|(/var)?/run/(docker|containerd|podman|crio|user)(/.*)?|.*(docker|podman|containerd|crio)\.sock)/?`

//nolint:gochecknoglobals // a table, compiled when first used; read-only
var reaches = sync.OnceValue(func() []reach {
	return []reach{
		{[]string{"--privileged"}, regexp.MustCompile(`^(true|1|t|T|TRUE|True|)$`), "has every right on this machine"},
		{[]string{"-v", "--volume"}, regexp.MustCompile(`^` + machine + `(:|$)`), "is given a directory of the system, or the socket that starts containers"},
		{[]string{"--mount"}, regexp.MustCompile(`(^|,)(source|src)=` + machine + `(,|$)|(^|,)volume-opt=.*device=`), "is given a directory of the system, or the socket that starts containers"},
		{[]string{"--network", "--net", "--pid", "--ipc", "--uts", "--userns", "--cgroupns"}, regexp.MustCompile(`^(host|container:.*)$`), "shares a namespace with this machine or another container"},
		{[]string{"--device", "--gpus", "--device-cgroup-rule"}, nil, "is given a device"},
		{[]string{"--cap-add"}, nil, "is given a capability"},
		{[]string{"--use-api-socket"}, nil, "is given the socket that starts containers"},
		{[]string{"--env-host"}, nil, "is given the variables of this machine"},
		{[]string{"--volumes-from"}, nil, "is given what another container has"},
		{[]string{"--security-opt"}, regexp.MustCompile(`(?i)unconfined|disable|no-new-privileges[:=]false|systempaths|unmask`), "is not confined"},
		{[]string{"-H", "--host", "-c", "--context", "-r", "--remote", "--url", "--connection"}, nil, "runs on another machine, or by another daemon"},
		{[]string{"-u", "--user"}, regexp.MustCompile(`^(0+|root)(:|$)`), "runs as root"},
		{[]string{"--cgroup-parent", "--oom-kill-disable", "--oom-score-adj", "--sysctl"}, nil, "changes how this machine runs"},
	}
})

// contained judges the words of a program for containers, up to the image where it is known
// which word that is: what follows is the server's own.
func contained(program string, words []string) []Breach {
	var all []Breach
	if at, looked := fetched.Image(words); looked {
		words = words[:at]
	}
	for i := range words {
		word := fetched.Unbundled(words[i])
		key, value, joined := strings.Cut(word, "=")
		if !strings.HasPrefix(key, "-") {
			continue
		}
		if !strings.HasPrefix(key, "--") && len(key) > 2 { // -v/:/h
			key, value, joined = word[:2], word[2:], true
		}
		if !joined && key != "--privileged" && i+1 < len(words) {
			value = words[i+1]
		}
		for _, r := range reaches() {
			if slices.Contains(r.names, key) && (r.value == nil || r.value.MatchString(cleanHost(value))) {
				all = append(all, Breach{Container, "the container of " + program + " " + r.what + " (" + words[i] + ")", "take the option out, or give the container one directory of the server's own"})
			}
		}
		if key == "-e" || key == "--env" {
			name, _, _ := strings.Cut(value, "=")
			all = append(all, Environment([]string{name})...)
		}
	}
	return all
}

// cleanHost is a value of -v or --mount with the paths of this machine in their shortest
// form (/./, //, and what .. leads to), without the quotes of CSV, and its keys in lower case.
func cleanHost(value string) string {
	if strings.Contains(value, "=/") || strings.Contains(value, "=.") || strings.Contains(value, `"`) {
		fields := strings.Split(strings.ReplaceAll(value, `"`, ""), ",")
		for i, f := range fields {
			if key, at, ok := strings.Cut(f, "="); ok && isPath(at) {
				fields[i] = strings.ToLower(strings.TrimSpace(key)) + "=" + path.Clean(at)
			}
		}
		return strings.Join(fields, ",")
	}
	before, after, rest := strings.Cut(value, ":")
	if isPath(before) {
		before = path.Clean(before)
	}
	if !rest {
		return before
	}
	return before + ":" + after
}

func isPath(word string) bool { return strings.HasPrefix(word, "/") || strings.HasPrefix(word, ".") }
