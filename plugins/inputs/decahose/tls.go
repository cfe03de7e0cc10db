package decahose

import (
	"crypto/tls"
	"fmt"
	"strings"

	commontls "github.com/influxdata/telegraf/plugins/common/tls"

	"github.com/decahose/telegraf-decahose/plugins/latest"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// TLSConfig is Telegraf's, with the two options that Telegraf forgets where they stand alone: a user
// who demands TLS 1.3 must not get less. Bad values come back as *option.Error. Telegraf's loader of
// the configuration calls it, before Init.
func (d *Decahose) TLSConfig() (*tls.Config, error) { return d.tlsOptions().config() }

func (d *Decahose) checkTLS() error { return d.tlsOptions().check() }

func (d *Decahose) tlsOptions() tlsOptions {
	return tlsOptions{&d.ClientConfig, "", "stream_url", d.StreamURL}
}

// tlsOptions are Telegraf's options of a client that talks to url.
type tlsOptions struct {
	*commontls.ClientConfig
	table       string // with its dot, if they stand in one of their own
	option, url string
}

// latest is the configuration as its files are now; while they do not change it is the same one.
func (o tlsOptions) latest(kept *latest.Values) (*tls.Config, error) {
	files := []string{} // not nil: without files nothing can change
	for _, path := range []string{o.TLSCA, o.TLSCert, o.TLSKey} {
		if path != "" {
			files = append(files, path)
		}
	}
	return latest.Get(kept, o.table+"tls_ca, tls_cert or tls_key", files, o.config)
}

func (o tlsOptions) config() (*tls.Config, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	cfg, err := o.ClientConfig.TLSConfig()
	if err != nil {
		return nil, fmt.Errorf("make TLS configuration: %w", err)
	}
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if o.TLSMinVersion != "" {
		cfg.MinVersion, err = commontls.ParseTLSVersion(o.TLSMinVersion)
	}
	if err == nil && len(o.TLSCipherSuites) > 0 {
		cfg.CipherSuites, err = commontls.ParseCiphers(o.TLSCipherSuites)
	}
	return cfg, err
}

// check tries each option alone, since Telegraf's errors do not name them.
func (o tlsOptions) check() error {
	if o.Enable != nil && !*o.Enable && strings.HasPrefix(o.url, "https:") {
		return option.Wrong(o.table+"tls_enable", "false", "true or absent, since "+o.option+" is https")
	}
	if m := o.RenegotiationMethod; m != "" {
		if err := oneOf(o.table+"tls_renegotiation_method", m, "never", "once", "freely"); err != nil {
			return err
		}
	}
	if v := o.TLSMinVersion; v != "" {
		if _, err := commontls.ParseTLSVersion(v); err != nil {
			return option.Bad(o.table+"tls_min_version", v, `one of "TLS10", "TLS11", "TLS12", "TLS13"`)
		}
	}
	if _, err := commontls.ParseCiphers(o.TLSCipherSuites); err != nil {
		return option.Bad(o.table+"tls_cipher_suites", o.TLSCipherSuites, `names of cipher suites, or "all", "secure", "insecure"`)
	}
	return o.checkCertificates()
}

func (o tlsOptions) checkCertificates() error {
	ca := commontls.ClientConfig{TLSCA: o.TLSCA}
	if _, err := ca.TLSConfig(); err != nil {
		return option.Bad(o.table+"tls_ca", o.TLSCA, "a readable file with certificates in PEM")
	}
	switch {
	case o.TLSCert != "" && o.TLSKey == "":
		return option.Wrong(o.table+"tls_key", "", `set when "tls_cert" is`)
	case o.TLSCert == "" && o.TLSKey != "":
		return option.Wrong(o.table+"tls_cert", "", `set when "tls_key" is`)
	}
	pair := commontls.ClientConfig{TLSCert: o.TLSCert, TLSKey: o.TLSKey, TLSKeyPwd: o.TLSKeyPwd}
	if _, err := pair.TLSConfig(); err != nil {
		return option.Bad(o.table+"tls_cert", o.TLSCert, `a readable PEM certificate that "tls_key" (and "tls_key_pwd") fits: `+err.Error())
	}
	return nil
}
