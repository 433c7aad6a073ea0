package keyring

import (
	"context"
	"errors"

	"github.com/danieljoos/wincred"
	"golang.org/x/sys/windows"
)

// ask reads a generic credential from the Credential Manager, by the target SERVICE:ACCOUNT.
func (place) ask(_ context.Context, service, account string) (item, error) {
	found, err := wincred.GetGenericCredential(service + ":" + account)
	switch {
	case errors.Is(err, windows.ERROR_NOT_FOUND):
		return item{}, absentf("there is no generic credential SERVICE:ACCOUNT: cmdkey /generic:SERVICE:ACCOUNT /user:ACCOUNT /pass")
	case err != nil:
		return item{}, absentf("the Credential Manager refuses it: %w", err)
	}
	return item{text: blobText(found.CredentialBlob), changed: found.LastWritten}, nil
}
