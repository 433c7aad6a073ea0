package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// version is the first three numbers of one, such as 1.3.6.
type version [3]int

//nolint:gochecknoglobals // compiled when first used; read-only
var versionPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[^0-9.])v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?`)
})

// pre is what marks a version that comes before the one that it names.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var pre = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^[-.~]?(?:rc|alpha|beta|dev|pre)`) })

// readVersion finds the first version in a text. Early is one from before its release:
// it may lack what an older series has mended since (runc 1.5.0-rc.2 has what 1.3.6 mends
// still open: release notes of 1.5.0-rc.3).
func readVersion(text string) (v version, early, ok bool) {
	m := versionPattern().FindStringSubmatchIndex(text)
	if m == nil {
		return v, false, false
	}
	for i := range v {
		if from, to := m[2+2*i], m[3+2*i]; from >= 0 {
			v[i], _ = strconv.Atoi(text[from:to])
		}
	}
	return v, pre().MatchString(text[m[1]:]), true
}

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// floor is the oldest version of a program that may serve, and those of older series
// that have the same mended.
type floor struct {
	from  version
	older []version // of the series of their first two numbers
	why   string
}

// floors are by the names that docker version and podman info have for them. A
// program that has no row here is not looked at.
//
//nolint:gochecknoglobals // a table; read-only
var floors = map[string]floor{
	// docker cp as root ran, made and mounted what a container wanted (release notes of 29.5.1).
	"Engine": {from: version{29, 5, 1}, why: "CVE-2026-41567, CVE-2026-41568, CVE-2026-42306"},
	// Directories that others could enter; an image that takes all memory, or has its labels
	// run commands as root (GHSA-pwhc-rpq9-4c8w, GHSA-jpcc-p29g-p8mq, GHSA-xhf5-7wjv-pqxp).
	"containerd": {from: version{2, 3, 2}, older: []version{{2, 2, 5}, {2, 1, 9}, {2, 0, 10}, {1, 7, 33}}, why: "CVE-2024-25621, CVE-2026-47262, CVE-2026-53488"},
	// Races around masked paths and /dev/console, and an image's link at /dev (release notes of
	// 1.3.3, 1.3.6 and 1.4.3; 1.2 has no release with the last one). What 1.4.4 mends is of checkpoints.
	"runc": {from: version{1, 4, 3}, older: []version{{1, 3, 6}}, why: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579"},
	// Images that run as root under krun, and their links at /dev/console and /dev/null (GHSA-f42g-r5jj-qh4j, release notes of 1.30).
	"crun": {from: version{1, 30, 0}, why: "CVE-2025-24965, CVE-2026-84042, CVE-2026-88264, CVE-2026-88265"},
	// An image's annotation that took down every wall, its variables that took this client's, and
	// contents that are not those of its digest (GHSA-2cvf-wqm6-wr9g, GHSA-4hq8-gpf5-8p68, GHSA-pggw-qqjf-6cxw).
	"podman": {from: version{6, 2, 0}, older: []version{{5, 8, 10}}, why: "CVE-2026-57231, CVE-2026-94603, CVE-2026-111361"},
}

// check refuses a version below the floor, and one that cannot be read.
func (f floor) check(program, text string) error {
	v, early, ok := readVersion(text)
	if !ok {
		return fmt.Errorf("the version of %s is not known (%.40q); %s is the oldest that may serve (%s)", program, text, f.from, f.why)
	}
	if early {
		return fmt.Errorf("%s %.40q comes before its release and may be older than %s, which mends %s", program, text, f.from, f.why)
	}
	for _, o := range f.older {
		if v[0] == o[0] && v[1] == o[1] && !v.less(o) {
			return nil
		}
	}
	if v.less(f.from) {
		return fmt.Errorf("%s %s is older than %s, which mends %s", program, v, f.from, f.why)
	}
	return nil
}

// errUnconfined is a daemon whose containers have every system call.
var errUnconfined = errors.New("its containers have no filter of system calls (seccomp)")

// Fit tells whether a daemon may serve, by what docker version and the security options
// of docker info say, or by podman info alone: err is that it may not at all, aged that
// its programs are below the floor or of unknown versions.
func Fit(kind string, about, options []byte) (aged, err error) {
	if kind == Podman {
		return checkPodman(about)
	}
	return checkDocker(about, options)
}

// checkDocker reads docker version and the security options of docker info.
func checkDocker(about, options []byte) (aged, err error) {
	var said struct {
		Server *struct {
			Components []struct{ Name, Version string }
		}
	}
	if err := json.Unmarshal(about, &said); err != nil || said.Server == nil {
		return nil, fmt.Errorf("docker version says nothing of the daemon: %w", errors.Join(err, errors.New("is it running?")))
	}
	seen := map[string]string{}
	for _, c := range said.Server.Components {
		seen[c.Name] = c.Version
	}
	var old []error
	for _, name := range []string{"Engine", "containerd", "runc"} {
		old = append(old, floors[name].check(name, seen[name]))
	}
	var security []string
	if err := json.Unmarshal(options, &security); err != nil {
		return nil, fmt.Errorf("reading docker info: %w", err)
	}
	for _, o := range security {
		if strings.HasPrefix(o, "name=seccomp") && !strings.Contains(o, "profile=unconfined") {
			return errors.Join(old...), nil
		}
	}
	return nil, errUnconfined
}

// checkPodman reads podman info.
func checkPodman(about []byte) (aged, err error) {
	var said struct {
		Host *struct {
			OCIRuntime struct{ Name, Version string }
			Security   struct {
				SECCOMPEnabled     bool   // this system has it
				SECCOMPProfilePath string // a file, empty for podman's own, or the word unconfined (containers.conf)
			}
		}
		Version struct{ Version string }
	}
	if err := json.Unmarshal(about, &said); err != nil || said.Host == nil {
		return nil, fmt.Errorf("podman info says nothing of this system: %w", errors.Join(err, errors.New("does podman run here?")))
	}
	if sec := said.Host.Security; !sec.SECCOMPEnabled || sec.SECCOMPProfilePath == "unconfined" {
		return nil, errUnconfined
	}
	old := []error{floors["podman"].check("podman", said.Version.Version)}
	runtime := said.Host.OCIRuntime
	f, known := floors[runtime.Name]
	if !known {
		old = append(old, fmt.Errorf("nothing is known of the runtime %.40q", runtime.Name))
	} else {
		old = append(old, f.check(runtime.Name, runtime.Version))
	}
	return errors.Join(old...), nil
}
