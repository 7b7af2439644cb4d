# Runs on the board: if the folder TARGET is whole, with the manifest WANTED, MAIN becomes main.py.
#
# The rename is the one moment at which the board changes from the old version to the new one.

if is_whole(TARGET, WANTED):
    if KEEP:
        copy("/main.py", KEEP)
    with open("/main.py.new", "w") as _file:
        _file.write(MAIN)
    os.rename("/main.py.new", "/main.py")
    print("activated")
    for _path in REMOVE:
        remove(_path)
print("complete")
