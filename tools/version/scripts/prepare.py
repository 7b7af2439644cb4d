# Runs on the board: removes REMOVE, makes FOLDERS, and copies COPY, pairs of source and target.

for _path in REMOVE:
    remove(_path)
for _path in FOLDERS:
    try:
        os.mkdir(_path)
    except OSError:
        pass  # it is there
for _path, _target in COPY:
    copy(_path, _target)
    print("copied", _target)
print("complete")
