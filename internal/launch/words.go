package launch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/fetched"
)

// Bounds of a command. Linux takes 128 KiB in one word (MAX_ARG_STRLEN, execve(2)); no
// server is told so much by its words.
const (
	MaxWords = 1024
	MaxWord  = 64 << 10  // bytes of one
	MaxBytes = 256 << 10 // of all
)

// nowhere is a directory that no name can be found in: words alone are judged.
const nowhere = "\x00"

// Words judges the words of a command as they stand; nothing is looked at on the machine.
func Words(command []string) []Breach {
	if b := bounded(command); b != nil {
		return b
	}
	all := placed(command[0])
	words := command
	for range maxWrapped {
		x := &Execution{dir: nowhere, search: nowhere}
		inner, found := x.judge(words)
		all = append(all, found...)
		if len(inner) > 0 && !wrappers[programName(words[0])].python { // what that runs may be a script
			all = append(all, placed(inner[0])...)
		}
		if len(inner) == 0 {
			return all
		}
		words = inner
	}
	return append(all, Breach{Runs, fmt.Sprintf("it is wrapped in more than %d programs", maxWrapped), "name the server's program itself"})
}

func bounded(command []string) []Breach {
	total := 0
	for i, w := range command {
		total += len(w) + 1
		switch {
		case strings.ContainsRune(w, 0):
			return []Breach{{Bounds, fmt.Sprintf("word %d holds a NUL, which ends a word for every process", i), "take it out"}}
		case len(w) > MaxWord:
			return []Breach{{Bounds, fmt.Sprintf("word %d has %d bytes, more than %d", i, len(w), MaxWord), "give it in a file"}}
		}
	}
	switch {
	case len(command) == 0 || strings.TrimSpace(command[0]) == "":
		return []Breach{{Bounds, "it names no program", "write one"}}
	case len(command) > MaxWords:
		return []Breach{{Bounds, fmt.Sprintf("it has %d words, more than %d", len(command), MaxWords), "give them in a file"}}
	case total > MaxBytes:
		return []Breach{{Bounds, fmt.Sprintf("it has %d bytes, more than %d", total, MaxBytes), "give them in a file"}}
	}
	return nil
}

// judge judges a program with its words, and returns the command that it runs, where
// that is looked into.
func (x *Execution) judge(words []string) (inner []string, all []Breach) {
	program := programName(words[0])
	if l, ok := languageOf(program); ok {
		x.interpret(l, words[1:])
		return nil, slices.Concat(all, x.given(program), fetching(program, words))
	}
	if w, ok := wrappers[program]; ok {
		inner, err := x.unwrap(w, words[1:])
		if err != nil {
			all = append(all, Breach{Runs, fmt.Sprintf("what %s runs cannot be read: %v", program, err), "name the server's program itself"})
		}
		all = slices.Concat(all, rights(program), Environment(x.assigns), x.given(program))
		if beside := besidePackage(program, words[1:]); inner == nil && beside != nil { // uv tool run
			inner = beside
		}
		return inner, slices.Concat(all, fetching(program, words))
	}
	all = slices.Concat(all, rights(program), running(program, words[1:]), fetching(program, words))
	inner = besidePackage(program, words[1:])
	if slices.Contains(containers(), program) {
		all = append(all, contained(program, words[1:])...)
	}
	return inner, all
}

// placed judges how a program is named.
func placed(word string) []Breach {
	if !strings.ContainsAny(word, `/\`) {
		return nil
	}
	slashed := strings.ReplaceAll(word, `\`, "/")
	absolute := filepath.IsAbs(word) || strings.HasPrefix(slashed, "/") || len(slashed) > 2 && slashed[1] == ':'
	if absolute && !slices.Contains(strings.Split(slashed, "/"), "..") {
		return nil
	}
	return []Breach{{Path, "its program " + word + " is no absolute path in its shortest form", "write where it is, without .., or its bare name where PATH has it"}}
}

// given judges what an interpreter is given.
func (x *Execution) given(program string) []Breach {
	const do = "put the program into a file of its own and name that"
	switch {
	case x.code != "":
		return []Breach{{Code, fmt.Sprintf("%s is given its program in words (%s)", program, x.code), do}}
	case x.idle != "":
		return []Breach{{Code, program + " is given no script, so it takes what clients send for its program", "name the script"}}
	}
	return nil
}

// rights judges programs that run others with the rights of another user.
func rights(program string) []Breach {
	if !slices.Contains([]string{"sudo", "doas", "pkexec", "su", "runuser", "runas", "gosu", "su-exec", "setpriv"}, program) {
		return nil
	}
	return []Breach{{Rights, program + " runs a command with the rights of another user", "run Doorward as the user that the server needs"}}
}

// fetching judges what a command fetches before it runs it. What env(1) runs is judged on
// its own.
func fetching(program string, words []string) []Breach {
	if program == "env" {
		return nil
	}
	var all []Breach
	for _, f := range fetched.By(words) {
		if f.How == fetched.Exactly || slices.Contains(shells(), program) {
			continue
		}
		b := Breach{Fetches, program + " runs " + f.Text, "write the exact version: name@1.2.3"}
		_, python := fetched.RunnerOf(words)
		if python || program == "npx" {
			b.Do += ", and fetch it once: doorward upstream install"
		}
		switch elsewhere := strings.Contains(f.Text, "://") || strings.Contains(f.Text, "https:"); {
		case slices.Contains(containers(), program):
			b.Do = "write the image as name@sha256:…, and run or create as the command"
		case python && (elsewhere || f.How == fetched.Movable):
			b.Do = "take it out: doorward upstream install fetches a package once, by its exact version, and from the index that --registry names"
		case elsewhere:
			b.Do = "fetch it once, and name the file"
		}
		all = append(all, b)
	}
	return all
}

func shells() []string {
	return []string{"sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "cmd", "powershell", "pwsh", "csh", "tcsh"}
}
