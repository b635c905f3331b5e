#!/bin/sh
# Say in one line what is wrong with the Python that is to make the virtual environment.
python=$1
command -v "$python" >/dev/null || {
  echo "$python is not on the PATH: install Python 3.11 or newer, or name yours: make PYTHON=python3.12" >&2
  exit 1
}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
  3.1[1-9] | 3.[2-9][0-9]) ;;
  *)
    echo "The course needs Python 3.11 or newer, and $python is $version: make PYTHON=python3.12" >&2
    exit 1
    ;;
esac
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
  echo "$python has no venv module: on Debian and Ubuntu, apt-get install python$version-venv" >&2
  exit 1
}
