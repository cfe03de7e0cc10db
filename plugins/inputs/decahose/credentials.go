package decahose

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/latest"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// guardURLs remembers what may be secret in options that hold a URL: a proxy's password, and what mistakes put there.
func (d *Decahose) guardURLs() {
	guard.ScanValue(d.StreamURL, d.ReplayURL, d.RecoveryURL, d.HTTPProxyURL, d.Push.URL)
	for _, r := range d.Routes {
		guard.ScanValue(r.HTTPProxyURL)
	}
	for _, a := range d.Archives {
		guard.ScanValue(a.URL)
	}
	for _, a := range d.Audits {
		guard.ScanValue(a.URL)
	}
}

// credential is one of user name and password: where it may come from, in the order of precedence
// secret, file, environment.
type credential struct {
	option string // name of the option that holds it; option + "_file" names the file
	secret *config.Secret
	file   string
	env    string
	kept   *latest.Values // the last good value; nil: none is kept
}

func (d *Decahose) username() credential {
	return credential{"username", &d.Username, d.UsernameFile, "DECAHOSE_USERNAME", d.files}
}

func (d *Decahose) password() credential {
	return credential{"password", &d.Password, d.PasswordFile, "DECAHOSE_PASSWORD", d.files}
}

// check says whether there is a source at all. It does not resolve references to secret stores,
// which may need the network.
func (c credential) check() error {
	switch {
	case !c.secret.Empty() && c.file != "":
		return option.Wrong(c.option+"_file", c.shownFile(), fmt.Sprintf("absent when %q is set", c.option))
	case !c.secret.Empty():
		return nil
	case c.file != "":
		return c.checkFile()
	case os.Getenv(c.env) == "":
		return option.Wrong(c.option, "", fmt.Sprintf("set, here or by %q or in the environment as %s", c.option+"_file", c.env))
	}
	return nil
}

func (c credential) checkFile() error {
	if _, err := c.readFile(); err != nil {
		return option.Wrong(c.option+"_file", c.shownFile(), "a readable file that is not empty: "+reason(err))
	}
	return nil
}

// shownFile is the name of the file, if it is one and not the secret itself.
func (c credential) shownFile() string {
	if !filepath.IsAbs(c.file) && !strings.ContainsAny(c.file, `./`) {
		return ""
	}
	return fmt.Sprintf("%q", c.file)
}

// read returns the value as it is now: files and secret stores rotate. What cannot be read now was not long ago: then
// the last good value is still the best there is. From then on nothing of this process shows it; a user's name may be
// the name of much else, and is not looked for.
func (c credential) read() (string, error) {
	value, err := c.readSource()
	if c.option != "username" {
		guard.Remember(value)
	}
	return value, err
}

func (c credential) readSource() (string, error) {
	switch {
	case !c.secret.Empty():
		return latest.Get(c.kept, c.option, nil, c.readSecret)
	case c.file != "":
		return latest.Get(c.kept, c.option+"_file", []string{c.file}, c.readFile)
	}
	return os.Getenv(c.env), nil
}

func (c credential) readSecret() (string, error) {
	b, err := c.secret.Get()
	if err != nil {
		return "", fmt.Errorf("get secret: %w", err)
	}
	defer b.Destroy()
	return b.String(), nil
}

var errEmpty = errors.New("it is empty")

// readFile takes the content verbatim and cuts one newline off its end, which editors and echo add.
func (c credential) readFile() (string, error) {
	b, err := latest.ReadFile(c.file)
	if err != nil {
		return "", err
	}
	if cut, ok := bytes.CutSuffix(b, []byte("\n")); ok {
		b = bytes.TrimSuffix(cut, []byte("\r"))
	}
	if len(b) == 0 {
		return "", errEmpty
	}
	return string(b), nil
}

// reason is err without the path that os puts in front.
func reason(err error) string {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

func (d *Decahose) checkCredentials() error {
	if err := d.username().check(); err != nil {
		return err
	}
	return d.password().check()
}

// credentials is called at each connect. Its errors name the option, never the value.
func (d *Decahose) credentials() (username, password string, err error) {
	if username, err = d.username().read(); err != nil {
		return "", "", fmt.Errorf("read username: %w", err)
	}
	if password, err = d.password().read(); err != nil {
		return "", "", fmt.Errorf("read password: %w", err)
	}
	guard.RememberBasic(username, password)
	if strings.Contains(username, ":") {
		return "", "", errors.New("read username: it holds a colon, which HTTP Basic cannot carry")
	}
	return username, password, nil
}
