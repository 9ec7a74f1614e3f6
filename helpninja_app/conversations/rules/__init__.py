"""Rules of a workspace: when a person is asked for, whom that is told, and who hears of it besides."""
