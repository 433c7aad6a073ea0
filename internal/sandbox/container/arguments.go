package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// scratch is the directory that a process may write in: its home, too. It is in
// memory, and gone at the end.
const scratch = "/tmp"

// Labels by which containers are found.
const (
	ownerLabel = "doorward.owner"
	namePrefix = "doorward-"
)

// Plan is what would be run. The values of variables are in no argument: they are in
// the environment of Create alone.
type Plan struct {
	Kind   string   `json:"kind"`
	Image  string   `json:"image"`
	Create []string `json:"create"` // makes the container; it is inspected then, and started if it is what was asked for
	Start  []string `json:"start"`
	Passed []string `json:"passed,omitempty"` // names of the variables whose values the client gets to pass on
}

// plan makes the arguments for a container of this name.
func (s *Spec) plan(name string) (Plan, error) {
	if err := s.check(); err != nil {
		return Plan{}, err
	}
	p := Plan{Kind: s.Kind, Image: s.Image, Start: []string{s.Kind, "start", "--attach", "--interactive", name}}
	a := []string{
		s.Kind, "create", "--name=" + name, "--label=" + ownerLabel + "=" + s.Owner,
		"--rm", "--interactive", "--pull=never", "--entrypoint=" + s.Command[0],
		"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
		"--network=none", "--ipc=private", "--cgroupns=private", "--hostname=sandbox",
		"--log-driver=none", "--no-healthcheck", "--stop-timeout=1",
	}
	uid, gid := s.ids()
	a = append(a, fmt.Sprintf("--user=%d:%d", uid, gid))
	if s.Kind == Podman {
		a = append(a, "--http-proxy=false", "--read-only-tmpfs=false", "--image-volume=ignore", "--systemd=false", "--sdnotify=ignore", "--no-hosts")
		if uid != nobody {
			a = append(a, "--userns=keep-id") // who owns what is given owns it inside
		}
	}
	a = append(a, s.limits()...)
	a = append(a, s.mounts()...)
	a = append(a, "--env=HOME="+scratch, "--env=TMPDIR="+scratch)
	if s.Kind == Docker {
		a = append(a, unproxied()...)
	}
	for _, kv := range s.Env {
		name, _, _ := strings.Cut(kv, "=")
		a = append(a, "--env="+name)
		p.Passed = append(p.Passed, name)
	}
	p.Create = append(append(a, s.Image), s.Command[1:]...)
	return p, nil
}

// unproxied are the variables that docker's client would fill in from its own settings,
// with credentials of a proxy in them (docs.docker.com, "Configure the Docker client").
func unproxied() (a []string) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"} {
		a = append(a, "--env="+name+"=", "--env="+strings.ToLower(name)+"=")
	}
	return a
}

// room is the container's file systems in memory: three quarters of the disk that it
// may take are scratch, the rest is shared memory.
func (s *Spec) room() (tmp, shm int64) {
	disk := s.Limits.Filled().Disk
	shm = disk / 4
	return disk - shm, shm
}

func (s *Spec) limits() []string {
	l := s.Limits.Filled()
	tmp, shm := s.room()
	asMade := ""
	if s.Kind == Podman {
		asMade = ",notmpcopyup" // what the image has there stays out of it (CVE-2026-133553 is in the copying)
	}
	return []string{
		fmt.Sprintf("--memory=%d", l.Memory), fmt.Sprintf("--memory-swap=%d", l.Memory), // together: no swap
		"--cpus=" + strconv.FormatFloat(l.CPU, 'f', -1, 64), fmt.Sprintf("--pids-limit=%d", l.Tasks),
		fmt.Sprintf("--ulimit=nofile=%d:%d", l.Files, l.Files), fmt.Sprintf("--ulimit=fsize=%d:%d", l.FileSize, l.FileSize), "--ulimit=core=0:0",
		fmt.Sprintf("--ulimit=nproc=%d:%d", l.Tasks, l.Tasks),
		fmt.Sprintf("--shm-size=%d", shm), fmt.Sprintf("--tmpfs=%s:rw,nosuid,nodev,size=%d,mode=1777%s", scratch, tmp, asMade),
	}
}

// mounts are the given paths, at the same place inside, without what is mounted below
// them. --mount, unlike -v, makes no directory that is not there.
func (s *Spec) mounts() (a []string) {
	below := "bind-recursive=disabled"
	if s.Kind == Podman {
		below = "bind-nonrecursive=true"
	}
	add := func(path, may string) {
		a = append(a, fmt.Sprintf("--mount=type=bind,source=%s,target=%s,%sbind-propagation=rprivate,%s", path, path, may, below))
	}
	for _, path := range s.readOnly() {
		add(path, "readonly,")
	}
	for _, path := range s.Write {
		add(path, "")
	}
	return a
}

// readOnly are the paths that may be read and not written.
func (s *Spec) readOnly() (paths []string) {
	for _, path := range s.Read {
		if !slices.Contains(s.Write, path) && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// Show is the plan of a container as people may look at it; nothing is made.
func Show(s Spec) (Plan, error) { return s.plan(namePrefix + "RANDOM") }
