package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// notFound is how security(1) ends where there is no such item (errSecItemNotFound, modulo 256).
const notFound = 44

// ask reads an account's password from the Keychain. A keychain that is locked, or an item that
// security(1) may not read, may have macOS show a window: Doorward waits for nobody's answer.
func (place) ask(ctx context.Context, service, account string) (item, error) {
	cmd := exec.CommandContext(ctx, "/usr/bin/security", "find-generic-password", "-s", service, "-a", account, "-g")
	cmd.WaitDelay = time.Second // for whoever else holds its stderr
	var printed bytes.Buffer
	cmd.Stderr = &capped{to: &printed, left: maxAnswered}
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.ExitCode() == notFound {
		return item{}, absentf("there is no such password: security add-generic-password -s SERVICE -a ACCOUNT -T /usr/bin/security -w")
	}
	if ctx.Err() != nil {
		return item{}, fmt.Errorf("%w: it took too long, as when a person is asked", errSilent)
	}
	if err != nil {
		return item{}, absentf("the Keychain is locked, or /usr/bin/security may not read the item: %w", err)
	}
	text, ok := securityPassword(printed.String())
	if !ok {
		return item{}, absentf("the answer of /usr/bin/security cannot be read")
	}
	return item{text: text}, nil
}

// capped keeps no more than a keyring has to say.
type capped struct {
	to   *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	kept := p[:min(len(p), c.left)]
	c.left -= len(kept)
	c.to.Write(kept)
	return len(p), nil
}
