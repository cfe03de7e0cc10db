package settings

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

// BecomeOwner takes the identity of who owns what the configuration writes to, for a check by root. Options that are
// wrong are told of by Init.
func (s *File) BecomeOwner() error {
	for _, dir := range s.directories() {
		if err := process.Become(dir); err != nil {
			return fmt.Errorf("%s: %w", s.Path, err)
		}
	}
	return nil
}

// directories are those that the plugins of the file write to.
func (s *File) directories() (dirs []string) {
	for _, ri := range s.Inputs {
		if d := ri.Input.(*decahose.Decahose); d.InitState() == nil {
			dirs = append(dirs, d.StateDirectory)
		}
	}
	if s.Output != nil {
		dirs = append(dirs, s.Output.Output.(*decahose_archive.Archive).Directory())
	}
	return dirs
}
