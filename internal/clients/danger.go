package clients

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"doorward/internal/launch"
)

// danger is one thing that a server's command should not have to do. The list
// follows the MCP security best practices, "local server compromise".
type danger struct {
	pattern string // of the whole command, words joined by spaces
	what    string
	kind    Risk
}

// Risk is the kind of a danger.
type Risk string

// The kinds of danger.
const (
	RiskRights   Risk = "rights"   // of another user, or of the machine
	RiskDownload Risk = "download" // downloads something and runs it
	RiskSecret   Risk = "secret"   // holds a credential
	RiskSteered  Risk = "steered"  // a variable changes which code runs
	RiskPlain    Risk = "plain"    // the server, or its code, is reached in the open
	RiskExposed  Risk = "exposed"  // others on this machine may change what is run
	RiskProxy    Risk = "proxy"    // what it sends goes through another machine
	RiskOther    Risk = "other"

	RiskPlainArgument Risk = "plain_argument" // it is told of a plain address
	RiskUnverified    Risk = "unverified"     // certificates or sums are not checked
)

// Danger is one thing that a server's command should not have to do.
type Danger struct {
	Kind Risk
	What string // a sentence's end: "it deletes without asking"
}

func dangers() []danger {
	return []danger{
		{`(^|[\s;&|(/\\])(sudo|doas|pkexec|runas|su)(\.exe)?(\s|$)`, "it asks for the rights of another user", RiskRights},
		{`(^|[\s;&|(/])rm\s+(-\S+\s+)*-\S*[rRf]`, "it deletes without asking", RiskOther},
		{`(?i)(^|[\s;&|(/])(mkfs\S*|dd\s.*of=/dev/|shred|format\s+[a-z]:)`, "it overwrites a disk", RiskOther},
		{`(?i)(^|[\s;&|(/\\])(curl|wget|certutil|bitsadmin)(\.exe)?(\s|$)`, "it downloads or sends something", RiskOther},
		{`(^|[\s;&|(/])(nc|ncat|netcat|socat|telnet)(\s|$)|/dev/tcp/`, "it opens a connection of its own", RiskOther},
		{`(?i)(^|[\s/\\])(ba|z|da|k|fi|c)?sh(\.exe)?\s+(-\S+\s+)*-\S*c(\s|$)|(^|[\s/\\])cmd(\.exe)?\s+/[ck]|powershell|(^|[\s/\\])pwsh|(^|[\s/\\])(eval|mshta|rundll32|osascript)(\.exe)?(\s|$)`, "it runs a shell's command line", RiskOther},
		{`(?i)\.ssh([/\\\s"']|$)|id_(rsa|ed25519|ecdsa)|\.aws([/\\\s"']|$)|\.gnupg|\.kube([/\\\s"']|$)|\.docker[/\\]config|\.netrc|\.git-credentials|/etc/(shadow|passwd|sudoers)|(login|key)\s?chain|\.npmrc|\.pypirc`, "it names a place where credentials are kept", RiskOther},
		{`docker\.sock|--privileged|--pid[= ]host|--net(work)?[= ]host|-v\s+/:|--cap-add`, "it gets hold of the machine through a container", RiskRights},
		{`(^|[\s;&|(/])chmod\s+(-R\s+)?(0?777|[ug]?\+s)|(^|[\s;&|(/])chown\s|(^|[\s;&|(/])crontab(\s|$)|systemctl\s+(enable|start)`, "it changes what others on this machine may do", RiskOther},
	}
}

// Dangers says what is dangerous about a command, for a person to judge. An
// empty answer is no proof of anything.
func Dangers(command []string, variables []string) []string {
	var found []string
	for _, d := range Risks(command, variables) {
		found = append(found, d.What)
	}
	return found
}

// Risks are the dangers with their kinds.
func Risks(command []string, variables []string) []Danger {
	line := strings.Join(command, " ")
	var found []Danger
	if fetchesAndRuns(command) {
		found = append(found, Danger{RiskDownload, "it downloads something and runs it"})
	}
	if hides().MatchString(line) {
		found = append(found, Danger{RiskOther, "it hides what it runs"})
	}
	if holdsCredential(line) {
		found = append(found, Danger{RiskSecret, "it seems to hold a secret, which every process on this machine can read"})
	}
	if elsewhere(command) {
		found = append(found, Danger{RiskOther, "it runs on another machine"})
	}
	found = slices.Concat(found, plainAddresses(command), unverified(command))
	for _, d := range dangers() {
		if regexp.MustCompile(d.pattern).MatchString(line) {
			found = append(found, Danger{d.kind, d.what})
		}
	}
	for _, v := range variables {
		if launch.ChangesCode(v) {
			found = append(found, Danger{RiskSteered, fmt.Sprintf("its variable %s changes which code is run", strconv.Quote(v))})
		}
	}
	for _, word := range command {
		if strconv.Quote(word) != `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word)+`"` {
			found = append(found, Danger{RiskOther, "it holds characters that are not seen"})
			break
		}
	}
	return found
}

// elsewhere tells of a command that has another machine run it (ssh(1)).
func elsewhere(command []string) bool {
	for i, w := range command {
		switch programName(w) {
		case "ssh", "rsh", "plink", "mosh", "slogin":
			return true
		case "env", "timeout", "nice", "nohup", "stdbuf", "sshpass", "autossh", "exec":
			continue
		}
		if i == 0 || !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") && strings.Trim(w, "0123456789smh.") != "" {
			break
		}
	}
	return slices.ContainsFunc(inline(command), regexp.MustCompile(`(^|[;&|(]\s*|\bexec\s+|^c?\s+)\s*(ssh|rsh|plink|mosh)\s`).MatchString)
}

// steers knows the variables that steer Doorward itself, or every command that it
// starts: what one server had set for itself must not be set for all. Case does
// not count, as above.
func steers(variable string) bool {
	variable = strings.ToUpper(variable)
	switch variable {
	case "HOME", "USER", "LOGNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TMP", "TEMP", "TZ", "LANG", "LANGUAGE",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "NO_COLOR",
		"GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GOTRACEBACK", "GOCOVERDIR", "GOFLAGS", "GOPROXY", "GOTOOLCHAIN":
		return true
	}
	for _, prefix := range [...]string{"XDG_", "DOORWARD_", "LC_"} {
		if strings.HasPrefix(variable, prefix) {
			return true
		}
	}
	return strings.HasSuffix(variable, "_PROXY")
}

// CommandLine is a whole command on one line: nothing of it is cut off, and what
// is not seen when printed is written out.
func CommandLine(command []string) string {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = word
		if !regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`).MatchString(word) {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}
